"""What stat says of files, packed: the listing of a directory, in which any change shows without reading a file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from weaselish.named_tuple import NamedTuple

_STAT = struct.Struct("<cqqqQ")
_LATEST = 2**63 - 1  # ns: in the year 2262


class FileStat(NamedTuple):
    """The properties of a file that stay the same as long as its bytes do."""

    size: int
    mtime: int  # ns
    ctime: int  # ns
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStat:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @property
    def changed(self) -> int:
        """When the file was last changed, in ns."""
        return max(self.mtime, self.ctime)


PackedStat = bytes  # of a file `f` and its stat, of a link `l`, its target and a null byte, of an empty directory `d`
Listing = list[tuple[bytes, PackedStat]]  # (path relative to the directory, its stat), sorted by path

EMPTY_DIRECTORY: PackedStat = b"d"


def pack_file(status: os.stat_result) -> PackedStat:
    """Pack what stat says of a file."""
    try:
        return _STAT.pack(b"f", *FileStat.of(status))
    except struct.error:  # a time that does not fit. One in the future is never trusted.
        size, mtime, ctime, inode = FileStat.of(status)
        return _STAT.pack(b"f", size, _clamped(mtime), _clamped(ctime), inode)


def _clamped(time_ns: int) -> int:
    return max(-_LATEST, min(time_ns, _LATEST))


def pack_link(target: bytes) -> PackedStat:
    """Pack a symbolic link by its target."""
    return b"l" + target + b"\0"


def stat_of(packed: PackedStat) -> FileStat | None:
    """Return the stat of a file; None for a link or an empty directory."""
    return FileStat(*_STAT.unpack(packed)[1:]) if packed[:1] == b"f" else None


def target_of(packed: PackedStat) -> bytes | None:
    """Return the target of a link; None for a file or an empty directory."""
    return packed[1:-1] if packed[:1] == b"l" else None


def pack_listing(listing: Listing) -> bytes:
    return b"".join([path + b"\0" + packed for path, packed in listing])


def unpack_listing(data: bytes) -> Iterator[tuple[bytes, PackedStat]]:
    position = 0
    while position < len(data):
        end = data.index(b"\0", position)
        path, kind = data[position:end], data[end + 1 : end + 2]
        start = end + 1
        if kind == b"f":
            position = start + _STAT.size
        else:
            position = data.index(b"\0", start) + 1 if kind == b"l" else start + 1
        yield path, data[start:position]


class Stamp(NamedTuple):
    """What stat said of a path and of everything in it at one time."""

    file: FileStat | None
    tree: bytes | None  # packed listing

    def is_unwritten_since(self, earlier: Stamp) -> bool:
        """Return whether nothing was written between the two. Modes and numbers of links may have changed."""
        return self == earlier or self._without_ctime() == earlier._without_ctime()

    def changed_after(self, moment: int) -> bool:
        """Return whether a file was changed after `moment`, in ns since 1970, even if it was changed back since."""
        stats = (stat_of(packed) for _, packed in unpack_listing(self.tree or b""))
        return any(status is not None and status.changed > moment for status in (self.file, *stats))

    def _without_ctime(self) -> object:
        listing = unpack_listing(self.tree or b"")
        return _without_ctime(self.file), [(path, _without_ctime(stat_of(one)) or one) for path, one in listing]


def _without_ctime(status: FileStat | None) -> FileStat | None:
    return status and status._replace(ctime=0)

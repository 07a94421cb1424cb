"""The file in which the stat cache keeps one directory: its digest, its listing and its manifest."""

from __future__ import annotations

import struct
from zlib import crc32

from weaselish.named_tuple import NamedTuple

_HEADER = struct.Struct("<4sI7q")  # magic, CRC-32 of the rest, checked_at, changed, size, files, lengths of three parts
_CHECKED_FROM = 8  # bytes of the header that the CRC does not cover
_MAGIC = b"PRJ3"


class CachedTree(NamedTuple):
    """A directory as one walk saw it."""

    checked_at: int  # ns, by the file system's clock
    changed: int  # ns: the latest mtime or ctime of its files
    digest: str
    size: int
    files: int
    listing: bytes  # packed
    manifest: bytes

    def to_bytes(self) -> list[bytes]:
        """Return the parts of the cache file."""
        digest = self.digest.encode()
        lengths = (len(digest), len(self.listing), len(self.manifest))
        header = _HEADER.pack(_MAGIC, 0, self.checked_at, self.changed, self.size, self.files, *lengths)
        parts = (header[_CHECKED_FROM:], digest, self.listing, self.manifest)
        checksum = 0
        for part in parts:
            checksum = crc32(part, checksum)
        return [struct.pack("<4sI", _MAGIC, checksum), *parts]

    @classmethod
    def from_bytes(cls, content: bytes) -> CachedTree | None:
        """Read a cache file. None if it is damaged or has another format."""
        data = memoryview(content)
        try:
            magic, checksum, checked_at, changed, size, files, *lengths = _HEADER.unpack_from(data)
        except struct.error:
            return None
        if magic != _MAGIC or checksum != crc32(data[_CHECKED_FROM:]) or _HEADER.size + sum(lengths) != len(data):
            return None
        listing_from, manifest_from = _HEADER.size + lengths[0], _HEADER.size + lengths[0] + lengths[1]
        digest = bytes(data[_HEADER.size : listing_from]).decode()
        listing, manifest = bytes(data[listing_from:manifest_from]), bytes(data[manifest_from:])
        return cls(checked_at, changed, digest, size, files, listing, manifest)

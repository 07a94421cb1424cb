"""Unpacks the archive of one output without trusting it: nothing but the output itself is ever written."""

from __future__ import annotations

import errno
import os
import stat
import tarfile
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile

from weaselish.archive.gzip import BrokenArchive, Unzipped
from weaselish.archive.pack import MODE, Content, blocks_of, check_link, member_name, shown
from weaselish.archive.tar import TEXT, members
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.atomic import ignoring_unsupported
from weaselish.files.remove import remove
from weaselish.plan.digests import Algorithm

_FLUSH_EVERY = 1 << 25  # bytes of one file


class Kind(StrEnum):
    """What a member of an archive is."""

    DIRECTORY = "directory"
    IMPLIED_DIRECTORY = "implied directory"  # one that so far only the name of another member contains
    FILE = "file"
    LINK = "link"


_DIRECTORIES = (Kind.DIRECTORY, Kind.IMPLIED_DIRECTORY)
_HINTS = {
    errno.ENOSPC: "free some space; nothing was changed",
    errno.EDQUOT: "the quota is used up; nothing was changed",
    errno.EFBIG: "the file system or `ulimit -f` does not allow files of this size; nothing was changed",
    errno.EROFS: "the disk is mounted read-only",
    errno.EPERM: "the disk may lack symbolic links: use one that has them",
    errno.ENOTSUP: "the disk may lack symbolic links: use one that has them",
    errno.ENAMETOOLONG: "the disk does not allow names this long",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may unpack to. `size` (bytes) and `files` are those of its record, if it has one."""

    size: int | None = None
    files: int | None = None
    ratio: int = 200  # of unpacked to packed bytes, above `floor` bytes and above twice `size`
    floor: int = 1 << 30
    others: int = 100_000  # members besides files, above 16 for each file; only if `files` is known


def unpack(
    chunks: Iterable[bytes],
    output: str,
    into: Path,
    *,
    algorithm: Algorithm,
    limits: Limits | None = None,
    folds_case: bool | None = None,
    modified: int | None = None,
) -> Content:
    """Unpack one output to `into`/`output` and return its content, which the caller compares with what it expects.

    `into` is an empty directory of the caller's own. `folds_case` says whether names that differ only in case are one
    file in it; if None, this finds out. `modified` is the mtime of the files, in ns since 1970; None is now. Nothing is
    flushed to the disk.

    Raises UnsafePath for an archive with a forbidden member, BrokenArchive for one that is damaged or beyond `limits`,
    and ProjError for a full disk. Exceptions of `chunks` pass through. In all these cases `into` is empty.
    """
    try:
        with ThreadPoolExecutor(1) as thread:
            content = Content(algorithm, thread)
            name = member_name(output)
            _Unpacking(name, into, content, limits or Limits(), folds_case=folds_case, modified=modified).run(chunks)
            return content
    except BaseException as error:
        for left in into.iterdir():
            remove(left)
        if isinstance(error, BrokenArchive):
            raise BrokenArchive(f"the archive of `{output}` cannot be used: {error.message}") from error
        if isinstance(error, OSError):
            raise ProjError(f"cannot unpack `{output}`: {error.strerror}", hint=_HINTS.get(error.errno or 0)) from error
        raise


class _Unpacking:
    """Writes the members of one archive below `into`: links last, so that none is followed."""

    def __init__(
        self,
        name: bytes,
        into: Path,
        content: Content,
        limits: Limits,
        *,
        folds_case: bool | None,
        modified: int | None,
    ) -> None:
        self._name = name
        self._directory = into
        self._into = os.fsencode(into)
        self._content = content
        self._limits = limits
        self._folds_case = folds_case
        self._modified = modified
        self._kinds: dict[bytes, Kind] = {}
        self._parents: set[bytes] = set()  # directories that are not empty
        self._links: list[tuple[bytes, bytes]] = []
        self._by_folded_name: dict[str, bytes] = {}

    def run(self, chunks: Iterable[bytes]) -> None:
        os.makedirs(os.path.dirname(self._full(self._name)), exist_ok=True)
        floor = max(self._limits.floor, 2 * (self._limits.size or 0))
        stream = Unzipped(chunks, ratio=self._limits.ratio, floor=floor)
        for member in members(stream):
            self._add(member, stream)
        if not self._kinds:
            raise BrokenArchive("it is empty")
        for full, target in self._links:
            os.symlink(target, full)
        for name, kind in self._kinds.items():
            if kind in _DIRECTORIES and name not in self._parents and name != self._name:
                self._content.add(self._path(name), "d", "-")

    def _add(self, member: tarfile.TarInfo, stream: Unzipped) -> None:
        name = self._checked(member.name)
        if member.isdir():
            self._enter(name, Kind.DIRECTORY)
            with ignoring_unsupported():
                os.chmod(self._full(name), member.mode & MODE | stat.S_IRWXU)
        elif member.issym():
            target = member.linkname.encode(*TEXT)
            check_link(self._path(name), target, name)
            self._enter(name, Kind.LINK)
            self._links.append((self._full(name), target))
            self._content.link(self._path(name), target)
        elif member.islnk():
            self._copy(self._checked(member.linkname), name, member.mode, stream)
        elif member.isreg() and not member.issparse():
            self._write(name, member.mode, member.size, stream.blocks(member.size))
        else:
            raise self._unsafe(f"holds {shown(name)}, which is a device, a pipe or a file in an unknown form")

    def _copy(self, source: bytes, name: bytes, mode: int, stream: Unzipped) -> None:
        """Copy an earlier file. Weasel stores a second name of a file as a hard link."""
        if self._kinds.get(source) is not Kind.FILE:
            raise self._unsafe(f"links {shown(name)} to {shown(source)}, which is not an earlier file")
        with open(self._full(source), "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            stream.count(size)
            self._write(name, mode, size, blocks_of(file.fileno(), size))

    def _write(self, name: bytes, mode: int, size: int, blocks: Iterator[bytes]) -> None:
        limits = self._limits
        if limits.size is not None and self._content.size + size > limits.size:
            raise BrokenArchive(f"it has more than the {limits.size} bytes that its record names")
        if limits.files is not None and self._content.files >= limits.files:
            raise BrokenArchive(f"it has more than the {limits.files} files that its record names")
        self._enter(name, Kind.FILE)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = os.open(self._full(name), flags, 0o600)
        try:
            begun = written = 0
            for block in self._content.file(self._path(name), size, blocks):
                _write_all(fd, block)
                written += len(block)
                if written - begun >= _FLUSH_EVERY:
                    _begin_flush(fd, begun, written)
                    begun = written
            with ignoring_unsupported():
                os.fchmod(fd, mode & MODE | stat.S_IRUSR | stat.S_IWUSR)
            if self._modified is not None:
                with ignoring_unsupported():  # the file is then read once more
                    os.utime(fd, ns=(self._modified, self._modified))
        finally:
            os.close(fd)

    def _checked(self, text: str) -> bytes:
        """Return a member's name in its plain form. Raises UnsafePath unless it is the output or below it."""
        raw = text.encode(*TEXT)
        names = [name for name in raw.split(b"/") if name not in (b"", b".")]
        name = b"/".join(names)
        is_inside = name == self._name or name.startswith(self._name + b"/")
        if raw.startswith(b"/") or b".." in names or b"\0" in raw or not is_inside:
            raise self._unsafe(f"holds {shown(raw)}, which is not part of it")
        return name

    def _enter(self, name: bytes, kind: Kind) -> None:
        """Note a member, after checking that its name is free and that everything above it is a directory."""
        before = self._kinds.get(name)
        if before and (before, kind) != (Kind.IMPLIED_DIRECTORY, Kind.DIRECTORY):
            raise self._unsafe(f"holds {shown(name)} twice")
        parent = name.rpartition(b"/")[0]
        if name != self._name and parent not in self._parents:
            for above in _from_to(self._name, parent):
                if self._kinds.get(above) in (Kind.FILE, Kind.LINK):
                    raise self._unsafe(f"holds {shown(name)} below {shown(above)}, which is a {self._kinds[above]}")
                if above not in self._kinds:
                    self._create(above, Kind.IMPLIED_DIRECTORY)
                self._parents.add(above)
        if before:
            self._kinds[name] = kind
        else:
            self._create(name, kind)

    def _create(self, name: bytes, kind: Kind) -> None:
        most = self._limits.others + 16 * (self._limits.files or 0)
        if self._limits.files is not None and len(self._kinds) >= most:
            raise BrokenArchive(f"it has more than {most} members, out of proportion to its record")
        if self._kinds and self._folds_case is None:  # the first member is the output, whose name no other has
            self._folds_case = _folds_case(self._directory)
        if self._folds_case:
            folded = unicodedata.normalize("NFC", name.decode(*TEXT)).casefold()
            other = self._by_folded_name.setdefault(folded, name)
            if other != name:
                both = f"{shown(other)} and {shown(name)}"
                raise self._unsafe(f"holds {both}: this disk does not distinguish upper and lower case")
        if kind in _DIRECTORIES:
            os.mkdir(self._full(name))
        self._kinds[name] = kind

    def _full(self, name: bytes) -> bytes:
        return self._into + b"/" + name

    def _path(self, name: bytes) -> bytes:
        return name[len(self._name) + 1 :]

    def _unsafe(self, message: str) -> UnsafePath:
        return UnsafePath(f"the archive of {shown(self._name)} {message}: nothing of it was kept")


def _from_to(top: bytes, path: bytes) -> Iterator[bytes]:
    """Yield `top` and the directories from there down to `path`, which is `top` or below it."""
    for end in range(len(top), len(path) + 1):
        if path[end : end + 1] in (b"/", b""):
            yield path[:end]


def _write_all(fd: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _begin_flush(fd: int, start: int, end: int) -> None:
    """Ask the kernel to begin writing bytes to the disk, so that the flush before the swap is short.

    Linux does so when pages are declared as not needed. It keeps pages in memory until they are written.
    """
    if hasattr(os, "posix_fadvise"):
        with ignoring_unsupported():
            os.posix_fadvise(fd, start, end - start, os.POSIX_FADV_DONTNEED)


def _folds_case(directory: Path) -> bool:
    """Return whether names that differ only in case are one file in a directory. Leaves nothing behind."""
    with NamedTemporaryFile(prefix="probe-", dir=directory) as probe:
        return (directory / os.path.basename(probe.name).swapcase()).exists()

"""Unpacking the archive of one output, without trusting it.

Nothing but the output itself can come of it, whatever the archive holds and whoever wrote it.
"""

from __future__ import annotations

import os
import stat
import tarfile
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from weaselish.archive.gzip import BrokenArchive, Unzipped
from weaselish.archive.pack import MODE, Content, blocks_of, check_link, member_name, shown
from weaselish.archive.tar import TEXT, members
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.remove import remove
from weaselish.plan.digests import Algorithm

Kind = Literal["directory", "implied directory", "file", "link"]
_FLUSH_EVERY = 1 << 25  # bytes of one file
_DIRECTORIES = ("directory", "implied directory")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may unpack to. `size` (bytes) and `files`: what its record says, where there is one."""

    size: int | None = None
    files: int | None = None
    ratio: int = 200  # of what comes out to what goes in, once more than `floor` bytes and twice `size` came out
    floor: int = 1 << 30
    others: int = 100_000  # members that are no files, beyond 16 for each file; only where `files` is known


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
    """Unpack one output to `into`/`output`; `into` is empty, and nobody else writes there. Tells what it holds.

    Raises UnsafePath for an archive that holds what it must not, BrokenArchive for one that is not whole or beyond
    `limits`, ProjError for a disk that is full, and what `chunks` raises; `into` is empty then. Whether this is the
    content that was wanted is for the caller to check. Nothing is flushed: `swap_in` does that.
    `folds_case`: whether names that differ only in case are one file in `into`; None: find out. `modified`: when the
    files say that they were last modified, in ns since 1970; None: now.
    """
    try:
        with ThreadPoolExecutor(1) as helper:
            content = Content(algorithm, helper)
            name = member_name(output)
            _Unpacking(name, into, content, limits or Limits(), folds_case=folds_case, modified=modified).run(chunks)
            return content
    except BaseException as error:
        for left in into.iterdir():
            remove(left)
        if isinstance(error, BrokenArchive):
            raise BrokenArchive(f"the archive of `{output}` cannot be used: {error.message}") from error
        if isinstance(error, OSError):
            raise ProjError(f"cannot unpack `{output}`: {error.strerror}") from error
        raise


class _Unpacking:
    """Makes the members of one archive below `into`: links last, so that none can be followed."""

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
        self._place = into
        self._into = os.fsencode(into)
        self._content = content
        self._limits = limits
        self._folds_case = folds_case
        self._modified = modified
        self._kinds: dict[bytes, Kind] = {}
        self._parents: set[bytes] = set()  # directories that hold something
        self._links: list[tuple[bytes, bytes]] = []
        self._spelt: dict[str, bytes] = {}

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
            self._enter(name, "directory")
            os.chmod(self._full(name), member.mode & MODE | stat.S_IRWXU)
        elif member.issym():
            target = member.linkname.encode(*TEXT)
            check_link(self._path(name), target, name)
            self._enter(name, "link")
            self._links.append((self._full(name), target))
            self._content.link(self._path(name), target)
        elif member.islnk():
            self._copy(self._checked(member.linkname), name, member.mode, stream)
        elif member.isreg() and not member.issparse():
            self._write(name, member.mode, member.size, stream.blocks(member.size))
        else:
            raise self._unsafe(f"holds {shown(name)}, which is a device, a pipe or a file in an unknown form")

    def _copy(self, source: bytes, name: bytes, mode: int, stream: Unzipped) -> None:
        """A hard link to a file that came before: Weasel stores the second name of one file so."""
        if self._kinds.get(source) != "file":
            raise self._unsafe(f"links {shown(name)} to {shown(source)}, which is no file before it")
        with open(self._full(source), "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            stream.count(size)
            self._write(name, mode, size, blocks_of(file.fileno(), size))

    def _write(self, name: bytes, mode: int, size: int, blocks: Iterator[bytes]) -> None:
        limits = self._limits
        if limits.size is not None and self._content.size + size > limits.size:
            raise BrokenArchive(f"it holds more than the {limits.size} bytes that its record names")
        if limits.files is not None and self._content.files >= limits.files:
            raise BrokenArchive(f"it holds more than the {limits.files} files that its record names")
        self._enter(name, "file")
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
            os.fchmod(fd, mode & MODE | stat.S_IRUSR | stat.S_IWUSR)
            if self._modified is not None:
                os.utime(fd, ns=(self._modified, self._modified))
        finally:
            os.close(fd)

    def _checked(self, text: str) -> bytes:
        """A member's name, plainly written, or UnsafePath unless it is the output or below it."""
        raw = text.encode(*TEXT)
        names = [name for name in raw.split(b"/") if name not in (b"", b".")]
        name = b"/".join(names)
        is_inside = name == self._name or name.startswith(self._name + b"/")
        if raw.startswith(b"/") or b".." in names or b"\0" in raw or not is_inside:
            raise self._unsafe(f"holds {shown(raw)}, which is not part of it")
        return name

    def _enter(self, name: bytes, kind: Kind) -> None:
        """Take a place for a member: nothing is there yet, and all above it are directories."""
        before = self._kinds.get(name)
        if before and (before, kind) != ("implied directory", "directory"):
            raise self._unsafe(f"holds {shown(name)} twice")
        parent = name.rpartition(b"/")[0]
        if name != self._name and parent not in self._parents:
            for above in _from_to(self._name, parent):
                if self._kinds.get(above, "directory") in ("file", "link"):
                    raise self._unsafe(f"holds {shown(name)} below {shown(above)}, which is a {self._kinds[above]}")
                if above not in self._kinds:
                    self._make(above, "implied directory")
                self._parents.add(above)
        if before:
            self._kinds[name] = kind
        else:
            self._make(name, kind)

    def _make(self, name: bytes, kind: Kind) -> None:
        most = self._limits.others + 16 * (self._limits.files or 0)
        if self._limits.files is not None and len(self._kinds) >= most:
            raise BrokenArchive(f"it has more than {most} members, out of proportion to its record")
        if self._kinds and self._folds_case is None:  # the first one, the output, has its name to itself
            self._folds_case = _folds_case(self._place)
        if self._folds_case:
            folded = unicodedata.normalize("NFC", name.decode(*TEXT)).casefold()
            other = self._spelt.setdefault(folded, name)
            if other != name:
                both = f"{shown(other)} and {shown(name)}"
                raise self._unsafe(f"holds {both}: this disk does not tell upper from lower case")
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
    """`top`, and the directories from there down to `path`, which is `top` or below it."""
    for end in range(len(top), len(path) + 1):
        if path[end : end + 1] in (b"/", b""):
            yield path[:end]


def _write_all(fd: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _begin_flush(fd: int, start: int, end: int) -> None:
    """Lets the disk write while more is unpacked, so that the flush before the swap is short.

    Linux begins to write pages out when they are not wanted; those that are on their way to the disk stay in memory.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, start, end - start, os.POSIX_FADV_DONTNEED)


def _folds_case(directory: Path) -> bool:
    """Whether names that differ only in case are one file here. Leaves nothing behind."""
    with NamedTemporaryFile(prefix="probe-", dir=directory) as probe:
        return (directory / os.path.basename(probe.name).swapcase()).exists()

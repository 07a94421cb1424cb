"""Packs one output into an archive: a gzipped tar whose bytes depend only on the content. `unpack.py` reverses it.

Both digest the content as it passes, by the formulas of `plan/digests.py`, so that nothing is read twice.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from weaselish.archive.gzip import BLOCK, zipped
from weaselish.archive.tar import TEXT, header
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.content import Digested
from weaselish.model.paths import is_outside, normalise
from weaselish.plan.digests import Algorithm, ManifestEntry, digest_bytes, new_hash, tree_digest
from weaselish.terminal import printable

MODE = 0o777  # no setuid, no setgid, no sticky bit
_END = bytes(2 * tarfile.BLOCKSIZE)
_SMALL = 1 << 18  # bytes: handing a smaller file to a thread takes longer than digesting it
_MOST_WAITING = 8  # blocks that wait to be digested


class Packing:
    """The archive of one output, in chunks. Each iteration reads the output afresh, so that an upload can be retried.

    After a complete iteration, `packed` is the content that it archived. Iterating raises ProjError for a file that
    cannot be read or archived, or that changes at the same time. It raises UnsafePath for a link that leads out of the
    output.
    """

    def __init__(self, root: Path, output: str, *, algorithm: Algorithm, compress: bool = True) -> None:
        self.packed: Digested | None = None
        self._name = member_name(output)
        self._top = os.path.join(os.fsencode(root), self._name)
        self._algorithm = algorithm
        self._compress = compress

    def __iter__(self) -> Iterator[bytes]:
        return zipped(self._tar(), compress=self._compress)

    def _tar(self) -> Iterator[bytes]:
        self.packed = None
        size = 0
        with ThreadPoolExecutor(1) as thread:
            content = Content(self._algorithm, thread)
            for piece in self._members(content):
                size += len(piece)
                yield piece
        yield _END + bytes(-(size + len(_END)) % tarfile.RECORDSIZE)
        self.packed = content.digested()

    def _members(self, content: Content) -> Iterator[bytes]:
        """Yield each directory before its entries, sorted by name. An output that is a link is what it leads to."""
        top = os.path.realpath(self._top)
        waiting = [b""]
        while waiting:
            path = waiting.pop()
            name = _joined(self._name, path)
            try:
                below = yield from member(_joined(top, path), path, name, content)
            except OSError as error:
                raise ProjError(f"cannot archive {shown(name)}: {error.strerror}") from error
            waiting += (_joined(path, each) for each in sorted(below, reverse=True))


def member(full: bytes, path: bytes, name: bytes, content: Content) -> Generator[bytes, None, list[bytes]]:
    """Yield one member; return the names in it if it is a directory. `path` is relative to the output."""
    status = os.lstat(full)
    if stat.S_ISDIR(status.st_mode):
        below = os.listdir(full)
        if path and not below:
            content.add(path, "d", "-")
        yield header(name, tarfile.DIRTYPE, status.st_mode & MODE)
        return below
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(full)
        check_link(path, target, name)
        content.link(path, target)
        yield header(name, tarfile.SYMTYPE, status.st_mode & MODE, target=target)
    elif stat.S_ISREG(status.st_mode):
        yield from _file(full, path, name, content)
    else:
        raise ProjError(f"cannot archive {shown(name)}: it is a socket, a pipe or a device")
    return []


def _file(full: bytes, path: bytes, name: bytes, content: Content) -> Iterator[bytes]:
    fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        before = os.fstat(fd)
        size = before.st_size
        yield header(name, tarfile.REGTYPE, before.st_mode & MODE, size)
        yield from content.file(path, size, blocks_of(fd, size))
        after = os.fstat(fd)
    finally:
        os.close(fd)
    if (size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        hint = "wait until no process writes to it"
        raise ProjError(f"cannot archive {shown(name)}: it changed while it was read", hint=hint)
    yield bytes(-size % tarfile.BLOCKSIZE)


def blocks_of(fd: int, size: int) -> Iterator[bytes]:
    """Yield a file's first `size` bytes, fewer if it has become shorter."""
    while size and (block := os.read(fd, min(size, BLOCK))):
        size -= len(block)
        yield block


class Content:
    """The content of an output, digested while it passes: that of large files in a thread, while the caller goes on."""

    def __init__(self, algorithm: Algorithm, thread: Executor) -> None:
        self.size = 0
        self.files = 0
        self._algorithm = algorithm
        self._thread = thread
        self.entries: list[ManifestEntry] = []

    def add(self, path: bytes, kind: Literal["f", "l", "d"], digest: str) -> None:
        self.entries.append(ManifestEntry(path, kind, digest))

    def link(self, path: bytes, target: bytes) -> None:
        self.add(path, "l", digest_bytes(target, self._algorithm))

    def file(self, path: bytes, size: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks of a file of `size` bytes; add the file after the last one."""
        running = new_hash(self._algorithm)
        waiting: deque[Future[object]] = deque()
        for block in blocks:
            if size <= _SMALL or (size <= BLOCK and not path):
                running.update(block)
            else:
                waiting.append(self._thread.submit(running.update, block))
                if len(waiting) > _MOST_WAITING:
                    waiting.popleft().result()
            yield block
        for future in waiting:
            future.result()
        self.size += size
        self.files += 1
        self.add(path, "f", running.hexdigest())

    @property
    def is_file(self) -> bool:
        """Whether the output is a file, not a directory."""
        return bool(self.entries) and not self.entries[0].path

    def digested(self) -> Digested:
        if self.is_file:
            return Digested(self.entries[0].digest, self.size, self.files)
        return Digested(tree_digest(self.entries, self._algorithm), self.size, self.files)


def member_name(output: str) -> bytes:
    """Return the name of an output in its archive: its path without `./` and trailing slash. Raises UnsafePath."""
    path = normalise(output)
    if is_outside(path) or path in ("", "."):
        raise UnsafePath(f"`{output}` is not a path inside the project, so it cannot be archived")
    return path.encode(*TEXT)


def check_link(path: bytes, target: bytes, name: bytes) -> None:
    """Raise UnsafePath unless a link at `path` in an output stays in it, whatever other links the output has.

    It stays if its `..` come first and are at most as many as the directories that contain it, which are not links. A
    `..` after a name could climb from wherever another link leads.
    """
    names = [each for each in target.split(b"/") if each not in (b"", b".")]
    ups = next((index for index, each in enumerate(names) if each != b".."), len(names))
    if not target or target.startswith(b"/") or ups > path.count(b"/") or b".." in names[ups:] or not path:
        raise UnsafePath(
            f"the link {shown(name)} leads out of the output, to {shown(target)}",
            hint="make it a relative link within the output, any `..` first, or put a copy there",
        )


def _joined(directory: bytes, path: bytes) -> bytes:
    return directory + b"/" + path if directory and path else directory or path


def shown(name: bytes) -> str:
    """Return a name for a message, in backticks and safe for a terminal."""
    return f"`{printable(name.decode('utf-8', 'backslashreplace'))}`"

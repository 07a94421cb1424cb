"""One output → one archive: a deterministic gzipped tar. `unpack.py` is the way back.

Both ways the content is digested as it passes, by the formulas of `plan/digests.py`: nothing is read twice.
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

MODE = 0o777  # no setuid, no setgid, no sticky bit
_END = bytes(2 * tarfile.BLOCKSIZE)
_SMALL = 1 << 18  # a file up to this size is digested sooner than a thread is told of it, or made for it alone
_AHEAD = 8  # blocks that may wait to be digested


class Packing:
    """The archive of one output, in chunks. Each iteration reads the output afresh, so that an upload can be retried.

    `packed` is what the last iteration archived, once it was exhausted. Iterating raises ProjError for what cannot be
    read or archived or changes meanwhile, and UnsafePath for a link that leads out of the output.
    """

    def __init__(self, root: Path, output: str, *, algorithm: Algorithm) -> None:
        self.packed: Digested | None = None
        self._name = member_name(output)
        self._top = os.path.join(os.fsencode(root), self._name)
        self._algorithm = algorithm

    def __iter__(self) -> Iterator[bytes]:
        return zipped(self._tar())

    def _tar(self) -> Iterator[bytes]:
        self.packed = None
        size = 0
        with ThreadPoolExecutor(1) as helper:
            content = Content(self._algorithm, helper)
            for piece in self._members(content):
                size += len(piece)
                yield piece
        yield _END + bytes(-(size + len(_END)) % tarfile.RECORDSIZE)
        self.packed = content.digested()

    def _members(self, content: Content) -> Iterator[bytes]:
        """A directory, then what it holds, by name. An output that is a link is what it leads to."""
        top = os.path.realpath(self._top)
        waiting = [b""]
        while waiting:
            path = waiting.pop()
            name = _joined(self._name, path)
            try:
                below = yield from _member(_joined(top, path), path, name, content)
            except OSError as error:
                raise ProjError(f"cannot archive {shown(name)}: {error.strerror}") from error
            waiting += (_joined(path, each) for each in sorted(below, reverse=True))


def _member(full: bytes, path: bytes, name: bytes, content: Content) -> Generator[bytes, None, list[bytes]]:
    """One member, returning the names of what it holds. `path`: within the output."""
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
        hint = "wait until nothing writes to it any more"
        raise ProjError(f"cannot archive {shown(name)}: it changed meanwhile", hint=hint)
    yield bytes(-size % tarfile.BLOCKSIZE)


def blocks_of(fd: int, size: int) -> Iterator[bytes]:
    """A file's first `size` bytes, fewer if it has become shorter."""
    while size and (block := os.read(fd, min(size, BLOCK))):
        size -= len(block)
        yield block


class Content:
    """What is in an output, digested while it passes. Large files: by the helper, while the caller uses the bytes."""

    def __init__(self, algorithm: Algorithm, helper: Executor) -> None:
        self.size = 0
        self.files = 0
        self._algorithm = algorithm
        self._helper = helper
        self.entries: list[ManifestEntry] = []

    def add(self, path: bytes, kind: Literal["f", "l", "d"], digest: str) -> None:
        self.entries.append(ManifestEntry(path, kind, digest))

    def link(self, path: bytes, target: bytes) -> None:
        self.add(path, "l", digest_bytes(target, self._algorithm))

    def file(self, path: bytes, size: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks of a file of `size` bytes, which is added when they have passed."""
        running = new_hash(self._algorithm)
        ahead: deque[Future[object]] = deque()
        for block in blocks:
            if size <= _SMALL or (size <= BLOCK and not path):
                running.update(block)
            else:
                ahead.append(self._helper.submit(running.update, block))
                if len(ahead) > _AHEAD:
                    ahead.popleft().result()
            yield block
        for future in ahead:
            future.result()
        self.size += size
        self.files += 1
        self.add(path, "f", running.hexdigest())

    @property
    def is_file(self) -> bool:
        """Whether the output is one, not a directory."""
        return bool(self.entries) and not self.entries[0].path

    def digested(self) -> Digested:
        if self.is_file:
            return Digested(self.entries[0].digest, self.size, self.files)
        return Digested(tree_digest(self.entries, self._algorithm), self.size, self.files)


def member_name(output: str) -> bytes:
    """What the members of an output are named by: its path without `./` and trailing slash."""
    path = normalise(output)
    if is_outside(path) or path in ("", "."):
        raise UnsafePath(f"`{output}` is no place in the project: it cannot be archived")
    return path.encode(*TEXT)


def check_link(path: bytes, target: bytes, name: bytes) -> None:
    """UnsafePath unless a link at `path` in an output stays in it, whatever other links the output holds.

    It does if its `..` come first and are no more than the directories it lies in: those are no links. A `..` after a
    name could climb from wherever another link leads.
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
    """A name for a message: in backticks, without what could upset a terminal."""
    text = name.decode("utf-8", "backslashreplace")
    return f"`{text if text.isprintable() else ascii(text)[1:-1]}`"

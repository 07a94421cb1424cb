"""Reads files of the project for a snapshot. A file that changes while it is read is read again, then reported."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from weaselish.archive.gzip import BLOCK
from weaselish.cancel import Cancel
from weaselish.engine.snapshot.collect import LocalFile
from weaselish.engine.snapshot.sha256_cache import Sha256Cache
from weaselish.files.file_stat import FileStat

_ATTEMPTS = 3
CHANGES = "it changes while it is read"


class NotReadable(Exception):
    """The reason why a file cannot be in a snapshot."""


class Changed(NotReadable):
    """The file is not what its digest says."""

    def __init__(self) -> None:
        super().__init__(CHANGES)


class LocalFiles:
    """Reads files of one project, and keeps their digests in `cache`."""

    def __init__(self, root: Path, cache: Sha256Cache, cancel: Cancel) -> None:
        self._root = os.fspath(root)
        self._cache = cache
        self._cancel = cancel

    def read(self, file: LocalFile) -> bytes:
        """Return the bytes of a small file, and note their digest. Raises NotReadable."""
        for _ in range(_ATTEMPTS):
            with self._open(file) as (fd, before):
                data = _read_all(fd, before.size)
                if FileStat.of(os.fstat(fd)) == before and len(data) == before.size:
                    self._note(file, before, sha256(data).hexdigest())
                    return data
        raise Changed

    def hash(self, file: LocalFile, advance: Callable[[int], object]) -> str:
        """Note and return the digest of a large file. Raises NotReadable."""
        for _ in range(_ATTEMPTS):
            digest = sha256()
            with self._open(file) as (fd, before):
                for block in self._blocks(fd):
                    digest.update(block)
                    advance(len(block))
                if FileStat.of(os.fstat(fd)) == before:
                    self._note(file, before, digest.hexdigest())
                    return digest.hexdigest()
        raise Changed

    def chunks(self, file: LocalFile) -> Iterator[bytes]:
        """Yield the bytes of a large file. Raises Changed, at the latest at its end, if its digest is another one."""
        digest = sha256()
        with self._open(file) as (fd, _):
            for block in self._blocks(fd):
                digest.update(block)
                yield block
        if digest.hexdigest() != file.sha256:
            raise Changed

    def _blocks(self, fd: int) -> Iterator[bytes]:
        while block := os.read(fd, BLOCK):
            self._cancel.check()
            yield block

    def _note(self, file: LocalFile, status: FileStat, digest: str) -> None:
        file.stat, file.sha256 = status, digest
        self._cache.put(file.path, status, digest)

    @contextmanager
    def _open(self, file: LocalFile) -> Iterator[tuple[int, FileStat]]:
        """Open a file without following a link or waiting for a pipe."""
        self._cancel.check()
        try:
            fd = os.open(
                f"{self._root}/{file.path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
            )
            try:
                status = os.fstat(fd)
                if not stat.S_ISREG(status.st_mode):
                    raise NotReadable("it is no longer a file")
                yield fd, FileStat.of(status)
            finally:
                os.close(fd)
        except OSError as error:
            raise NotReadable(error.strerror or str(error)) from None


def _read_all(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while (block := os.read(fd, BLOCK)) and len(parts) < _MOST_PARTS:
        parts.append(block)
    return b"".join(parts)


_MOST_PARTS = 64  # blocks of a file that was small when it was listed

"""Hashing the bytes of files: small ones at once, large ones in blocks, several large ones in threads."""

from __future__ import annotations

import os
from collections.abc import Sequence

from weaselish.cancel import Cancel
from weaselish.files.reading import Advance, ignore
from weaselish.files.walk import unreadable
from weaselish.plan.digests import Algorithm, Hash, new_hash

BLOCK = 1 << 20  # bytes read at a time


class Hasher:
    """Hashes files with one algorithm. Thread-safe. `cancel` is checked once per block.

    `advance` gets the number of bytes of each block, or of each small file. What it raises ends the work.
    """

    threaded_from = 1 << 20  # bytes: if one of several files is this large, threads hash them

    def __init__(self, algorithm: Algorithm, cancel: Cancel) -> None:
        self._algorithm = algorithm
        self._cancel = cancel

    def file(self, path: bytes, size: int, advance: Advance = ignore) -> str:
        """Return the digest of a file. `size` is what stat said of it. Raises Unreadable and Cancelled."""
        return self._hash(path, size, self._cancel, advance)

    def files(self, files: Sequence[tuple[bytes, int]], advance: Advance = ignore) -> list[str]:
        """Return the digests of files given as (path, size in bytes), in order. Raises Unreadable and Cancelled."""
        if len(files) > 1 and any(size >= self.threaded_from for _, size in files):
            return self._in_threads(files, advance)
        return [self.file(path, size, advance) for path, size in files]

    def _in_threads(self, files: Sequence[tuple[bytes, int]], advance: Advance) -> list[str]:
        from concurrent.futures import ThreadPoolExecutor

        with self._cancel.child() as cancel:  # an error or Ctrl-C in this thread ends the other threads at once
            threads = ThreadPoolExecutor(os.cpu_count() or 1)
            try:
                futures = [threads.submit(self._hash, path, size, cancel, advance) for path, size in files]
                return [future.result() for future in futures]
            except BaseException:
                cancel.request()
                raise
            finally:
                threads.shutdown(cancel_futures=True)

    def _hash(self, path: bytes, size: int, cancel: Cancel, advance: Advance) -> str:
        cancel.check()
        running = new_hash(self._algorithm)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if size < BLOCK:
                    _read_small(fd, size, running)
                    advance(size)
                else:
                    _read_large(fd, running, cancel, advance)
            finally:
                os.close(fd)
        except OSError as error:
            raise unreadable(path, "read", error) from None
        return running.hexdigest()


def _read_small(fd: int, size: int, running: Hash) -> None:
    """Read a file that stat called small, to its end even if it has grown since."""
    left = size
    while block := os.read(fd, max(size + 1, 4096)):
        running.update(block)
        left -= len(block)
        if not left:
            break


def _read_large(fd: int, running: Hash, cancel: Cancel, advance: Advance) -> None:
    buffer = memoryview(bytearray(BLOCK))
    while count := os.readv(fd, [buffer]):
        running.update(buffer[:count])
        cancel.check()
        advance(count)

"""Locks that the kernel holds for us and gives back when we die. POSIX `flock`, on files in .proj/locks.

On a network file system they hold between hosts only where it has cluster-wide flock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class FileLock:
    """One lock file, held shared or exclusively from construction to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def take(self, *, exclusive: bool = True, wait: bool = True) -> bool:
        """Take the lock; False if `wait` is off and another holds it."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(self.fd, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def sign(self, text: str) -> None:
        """Say in the file who holds it, for `holder`."""
        with suppress(OSError):  # a disk that is full or may only be read
            os.pwrite(self.fd, f"{text}\n".encode(), 0)  # what is left of a longer one stands behind it

    def holder(self) -> str:
        """What the last holder signed with; may be empty."""
        return os.pread(self.fd, 4096, 0).decode("utf-8", "replace").partition("\n")[0]

    def release(self) -> None:
        """Give the lock back, also where children have inherited the descriptor."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        os.close(self.fd)


@contextmanager
def locked(path: Path) -> Iterator[FileLock]:
    lock = FileLock(path)
    lock.take()
    try:
        yield lock
    finally:
        lock.release()

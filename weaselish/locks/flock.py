"""Locks that the kernel holds for a process and releases when it dies.

They are flock locks; on a file system without flock, locks of the open file description (fcntl). On a network file
system they exclude other hosts only if the file system passes them on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.files.atomic import not_writable

TICK = 0.05  # seconds between two attempts to take a lock
_NO_FLOCK = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_SETLK, _GETLK = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)  # Linux
_RANGE = struct.Struct("hhqqi4x")  # type, whence, start, length (0: to the end), pid


class NoLocks(ProjError):
    """The disk offers no locks, so that two processes could spoil each other's files.

    Cure: put the project on another disk, or mount this one with locks.
    """


class FileLock:
    """One lock file, open from construction to `release`. Creating it raises ProjError where it cannot be opened."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        try:
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise not_writable(f"`{self.path.parent}`", error) from error

    @property
    def path(self) -> Path:
        return Path(self._path)

    def take(self, *, exclusive: bool = True) -> bool:
        """Take the lock without waiting; False if another process or thread holds it. Raises NoLocks."""
        return take(self.fd, self._path, exclusive=exclusive)

    def sign(self, text: str) -> None:
        """Write the name of the lock's holder into the file, for `signature`."""
        with suppress(OSError):  # the disk is full or read-only
            os.pwrite(self.fd, f"{text}\n".encode(), 0)  # the rest of a longer signature stays behind the newline

    def signature(self) -> str:
        """Return the last holder's signature; it may be empty."""
        with suppress(OSError):
            return os.pread(self.fd, 4096, 0).decode("utf-8", "replace").partition("\n")[0]
        return ""

    def release(self) -> None:
        """Release the lock, even if child processes have inherited the descriptor."""
        with suppress(OSError):
            fcntl.flock(self.fd, fcntl.LOCK_UN)
        _set_range(self.fd, fcntl.F_UNLCK)
        os.close(self.fd)


def take(fd: int, path: str | Path, *, exclusive: bool = True) -> bool:
    """Lock an open file without waiting; False if it is locked already. Raises NoLocks with `path`, and OSError."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        taken = _set_range(fd, fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK) if error.errno in _NO_FLOCK else None
        if taken is None:
            raise _no_locks(path, error) from None
        return taken
    return True


def take_for_life(fd: int, path: Path) -> None:
    """Lock an open file for as long as this process lives, so that `is_locked` shows that it does.

    Wait while another process holds the lock for a moment. Raises NoLocks and OSError.
    """
    while not take(fd, path):
        time.sleep(0.001)
    _set_range(fd, fcntl.F_WRLCK)  # flock cannot be queried


def is_locked(fd: int) -> bool | None:
    """Return whether a living process, on any host, has called `take_for_life` on this file. Takes no lock.

    None where the disk cannot tell.
    """
    if _GETLK is None or _SETLK is None:
        return None
    try:
        answer = fcntl.fcntl(fd, _GETLK, _RANGE.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return None
    return bool(_RANGE.unpack(answer)[0] != fcntl.F_UNLCK) or _has_flock(fd)


def _has_flock(fd: int) -> bool:
    """Return whether a process of this machine holds a flock on an open file, as version 0.1.0 does on its journal.

    Parses lines such as `1: FLOCK ADVISORY WRITE 8579 fe:00:2146861 0 EOF`. Compares inodes only: some file systems
    show another device in `stat`.
    """
    inode = str(os.fstat(fd).st_ino)
    with suppress(OSError), open("/proc/locks", encoding="ascii", errors="replace") as file:
        return any(words[1:2] == ["FLOCK"] and words[5].rpartition(":")[2] == inode for words in map(str.split, file))
    return False


@contextmanager
def locked(path: Path, cancel: Cancel) -> Iterator[FileLock]:
    """Hold the lock of a file, waiting for it first. Raises ProjError and, while waiting, Cancelled."""
    lock = FileLock(path)
    try:
        while not lock.take():
            cancel.sleep(TICK)
        yield lock
    finally:
        lock.release()


def _set_range(fd: int, kind: int) -> bool | None:
    """Lock or unlock the file's open file description; False if it is locked already, None if that is unsupported."""
    if _SETLK is None:
        return None
    try:
        fcntl.fcntl(fd, _SETLK, _RANGE.pack(kind, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EACCES) else None
    return True


def _no_locks(path: str | Path, error: OSError) -> NoLocks:
    path = Path(path)
    mount = path.absolute()
    while not os.path.ismount(mount):
        mount = mount.parent
    return NoLocks(
        f"files in `{path.parent}` cannot be locked: {error.strerror}",
        hint=f"the disk mounted at `{mount}` has no locks: mount it with locks (an option such as `flock` or "
        "`local_lock=all`, or the server's lock service), or replace `.proj` by a link to a directory on a local disk",
    )

"""Write files of a directory store: temporary files, flushes, creating without replacing, and error messages."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import StoreError
from weaselish.files.atomic import flush, ignoring_unsupported, sync_directory
from weaselish.stores.retry import PassingError

LOCK = "lock"  # the name of the lock file, beside the temporary files
ABANDONED = 24 * 3600.0  # seconds after which an unchanged temporary file counts as left by a killed writer
BLOCK = 2**20  # bytes per buffered write
FLUSH_EVERY = 8 * 2**20  # bytes after which the kernel is asked to begin writing them; asking for more takes long
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

_TICK = 0.02  # seconds between two attempts to take the lock
_NO_HARD_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.EROFS, errno.EACCES}
_PASSING = {errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR}
_HINTS = {
    errno.ENOSPC: "free some space on that disk; nothing was changed",
    errno.EDQUOT: "the quota is used up; nothing was changed",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "check the permissions and the owner of the directory",
    errno.EPERM: "check the permissions and the owner of the directory",
    errno.EFBIG: "the file system or `ulimit -f` does not allow files of this size",
    errno.ENAMETOOLONG: "the file system does not allow names this long; use a shorter output path",
    errno.EXDEV: "a directory inside the remote is on another file system: replace it by a plain directory",
    errno.ENOTDIR: "a part of its path is a file",
    errno.EEXIST: "a part of its path is a file",
    errno.EISDIR: "the remote has objects below this key, so it cannot be a file",
    errno.ESTALE: "the file server replaced or removed it: try again",
    errno.ENOLCK: "the file system does not support locks",
}


class explained:
    """Translate an OSError of the block into a StoreError that names the remote and what failed.

    Each operation enters several such blocks. A class costs a third of what a generator does.
    """

    __slots__ = ("_doing", "_remote")

    def __init__(self, remote: str, doing: str) -> None:
        self._remote = remote
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, OSError):
            return
        raised = PassingError if error.errno in _PASSING else StoreError
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise raised(f"{self._remote}: {reason} while {self._doing}", hint=_HINTS.get(error.errno or 0)) from error


class Temporaries:
    """The temporary files of a store, in `directory`, and its lock. `remote` is how messages name the store."""

    def __init__(self, directory: Path, remote: str, cancel: Cancel, *, flushes: bool) -> None:
        self._flushes = flushes  # whether files are on the disk when they are complete
        self._directory = directory
        self._remote = remote
        self._cancel = cancel
        self._cleaned = False

    @contextmanager
    def filled(self, chunks: Iterable[bytes], doing: str) -> Iterator[Path]:
        """Yield a new file that holds `chunks`, and remove it after the block unless it was moved away.

        It is flushed to the disk unless the store is a cache. An error that `chunks` raises is not translated.
        """
        with explained(self._remote, doing):
            path = os.path.join(self._directory, uuid.uuid4().hex)
            fd = self._open(path)
        try:
            with explained(self._remote, doing):
                self._clean_once(fd)
            self._fill(fd, chunks, doing)
            yield Path(path)
        finally:
            with suppress(OSError):
                os.unlink(path)

    def _open(self, path: str) -> int:
        """Create a file, and the directory of the temporary files if it is missing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            make_directory(self._directory, flushes=self._flushes)
            return os.open(path, flags, 0o666)

    def _clean_once(self, fd: int) -> None:
        if not self._cleaned:
            self._cleaned = True
            self._remove_abandoned(now=os.fstat(fd).st_mtime)  # by the file system's clock

    def _fill(self, fd: int, chunks: Iterable[bytes], doing: str) -> None:
        """Write `chunks` to an open file, flush it if it should be, and close it."""
        file = os.fdopen(fd, "wb", buffering=BLOCK)
        try:
            unflushed = 0
            for chunk in chunks:
                with explained(self._remote, doing):
                    file.write(chunk)
                    unflushed += len(chunk)
                    if self._flushes and unflushed >= FLUSH_EVERY:
                        _begin_flush(file.fileno())
                        unflushed = 0
            with explained(self._remote, doing):
                file.flush()
                if self._flushes:
                    flush(file.fileno())
        finally:
            with suppress(OSError):
                file.close()

    def create(self, temporary: Path, path: Path) -> bool:
        """Move the file to `path` and return True, unless a file exists at `path`."""
        try:
            os.link(temporary, path)
        except FileExistsError:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
            return temporary.stat().st_nlink > 1  # NFS: it was linked, the answer was lost, and NFS asked again
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return self._rename_under_lock(temporary, path)
        return True

    def _rename_under_lock(self, temporary: Path, path: Path) -> bool:
        with self.locked(required=True):
            if is_file(path):
                return False
            temporary.replace(path)
        return True

    @contextmanager
    def locked(self, *, required: bool) -> Iterator[None]:
        """Hold the store's lock, waiting for it first. The system releases it when its holder dies.

        Raises Cancelled while it waits. If the file system has no locks, continue without one unless it is `required`.
        """
        with self._lock(required=required) as descriptor:
            if descriptor is not None:
                try:
                    while not _take(descriptor):
                        self._cancel.sleep(_TICK)
                except OSError as error:
                    if required or error.errno not in _NO_LOCKS:
                        raise
            yield

    @contextmanager
    def _lock(self, *, required: bool) -> Iterator[int | None]:
        try:
            make_directory(self._directory, flushes=self._flushes)
            descriptor = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if required or error.errno not in _NO_LOCKS:
                raise
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _remove_abandoned(self, now: float) -> None:
        for entry in os.scandir(self._directory):
            with suppress(OSError):
                if entry.name != LOCK and now - entry.stat().st_mtime > ABANDONED:
                    Path(entry).unlink()


def _take(descriptor: int) -> bool:
    """Lock an open file without waiting; False if another process holds the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def place(temporary: Path, path: Path, move: Callable[[Path, Path], bool], *, flushes: bool = True) -> bool:
    """Return what `move` returns, with the parent directories of `path` created before."""
    for attempts_left in reversed(range(5)):
        try:
            make_directory(path.parent, flushes=flushes)
            return move(temporary, path)
        except FileNotFoundError:  # a delete removed the directory, or one above it, in the meantime
            if not attempts_left:
                raise
    raise AssertionError("unreachable")


def is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except ABSENT:
        return False


def flush_directory(directory: Path) -> None:
    """Flush the directory's entries to the disk, where its file system can."""
    with suppress(FileNotFoundError):  # a delete removed it
        sync_directory(directory)


def make_directory(directory: Path, *, flushes: bool) -> None:
    """Create the directory and its parents, and flush each that was missing to the disk."""
    if directory.is_dir():
        return
    missing = [path for path in (directory, *directory.parents) if not path.is_dir()] if flushes else []
    directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        flush_directory(path.parent)


def _begin_flush(descriptor: int) -> None:
    """Let the disk write while the caller produces more bytes.

    Linux begins to write changed pages when a process declares that it does not need them.
    """
    if hasattr(os, "posix_fadvise"):
        with ignoring_unsupported():
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

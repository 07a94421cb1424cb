"""Atomic writes, of which a reader sees the old bytes or the new ones, and flushes to the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weaselish.errors import ProjError

UNSUPPORTED = frozenset(  # errors of a file system or a sandbox that lacks a call
    (errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY)
)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Translate an OSError of the block, such as a full disk, into a ProjError: `what` cannot be written."""
    try:
        yield
    except OSError as error:
        raise not_writable(what, error) from error


def not_writable(what: str, error: OSError) -> ProjError:
    """Return the error for `what`, which could not be written."""
    return ProjError(f"{what} cannot be written: {error.strerror or error}")


def write_atomically(path: Path, chunks: Iterable[bytes], *, durable: bool = False, mode: int = 0o666) -> None:
    """Replace a file in one step. `durable`: its new bytes also survive a power cut. Raises OSError.

    `mode` has the permissions of the file, which the umask reduces.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            for chunk in chunks:
                file.write(chunk)
            if durable:
                file.flush()
                flush(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Flush a directory's entries to the disk, unless it cannot be read. Raises OSError."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        flush(fd)
    finally:
        os.close(fd)


def flush(fd: int) -> None:
    """Flush an open file or directory to the disk, as far as its file system can. Raises OSError."""
    with ignoring_unsupported():
        os.fsync(fd)


def flush_data(fd: int) -> None:
    """Flush the bytes of an open file to the disk, as far as its file system can. Raises OSError."""
    with ignoring_unsupported():
        os.fdatasync(fd)


@contextmanager
def ignoring_unsupported() -> Iterator[None]:
    """Ignore an OSError of the block which says that the file system or the system lacks an optional call."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def flush_file_system(fd: int) -> None:
    """Flush everything on the file system of an open file to the disk. Raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)  # Python lacks syncfs
    if not hasattr(libc, "syncfs"):
        os.sync()
    elif libc.syncfs(fd):
        error = ctypes.get_errno()
        if error not in UNSUPPORTED:
            raise OSError(error, os.strerror(error))
        os.sync()

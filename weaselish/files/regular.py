"""Reads of regular files only: opening a FIFO would block, and a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """Open a regular file for reading, without a buffer. Raises OSError, also for anything else than a file."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return FileIO(fd, "rb")


def read_regular(path: Path) -> bytes:
    """Return the bytes of a regular file. Raises OSError."""
    with open_regular(path) as file:
        return file.readall()

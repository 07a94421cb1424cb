"""Deletes files and trees."""

from __future__ import annotations

import errno
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TOO_DEEP = {errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE}  # rmtree opens each level


def remove(path: Path) -> None:
    """Delete a file, link or tree if it exists, however deep, and if directories are protected. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (PermissionError, RecursionError):
        _remove_level_by_level(path)
    except OSError as error:
        if error.errno not in _TOO_DEEP:
            raise
        _remove_level_by_level(path)


def _remove_level_by_level(top: Path) -> None:
    """Delete a tree with all directories moved up into `top` first, so that neither a path nor the stack gets long."""
    _unprotect(top)
    waiting = list(_emptied(top, top))
    while waiting:
        directory = waiting.pop()
        waiting += _emptied(directory, top)
        directory.rmdir()
    top.rmdir()


def _emptied(directory: Path, top: Path) -> Iterator[Path]:
    """Delete the files in a directory and move its directories to `top`. Yield where these are now."""
    for path in list(directory.iterdir()):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            continue
        _unprotect(path)
        if directory != top:
            path = path.rename(top / f".{uuid.uuid4().hex}")
        yield path


def _unprotect(directory: Path) -> None:
    """Give the owner all permissions on a directory."""
    with suppress(OSError):  # the disk may have no modes: then they are not what protects it
        directory.chmod(stat.S_IRWXU)

"""Deletes files and trees."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


def remove(path: Path) -> None:
    """Delete a file, link or tree if it exists, even where directories are write-protected. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        _unprotect(path)
        shutil.rmtree(path)


def _unprotect(top: Path) -> None:
    """Give the owner all permissions on a directory and those in it."""
    with suppress(OSError):  # the disk may have no modes: then they are not what protects it
        top.chmod(stat.S_IRWXU)
        for directory, names, _ in os.walk(top):
            for name in names:
                if not os.path.islink(below := os.path.join(directory, name)):
                    os.chmod(below, stat.S_IRWXU)

"""Where the tests keep their files: in memory, where the system has enough of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

PLACE = Path("/dev/shm")
_ENOUGH = 4 << 30  # bytes; the tests need less than 1 GiB at a time


def keep_files_in_memory() -> None:
    """Let this process and its children make temporary files in memory, unless the caller chose a TMPDIR.

    Each run of a step flushes several files. On a disk, the tests wait for these flushes most of their time.
    """
    if "TMPDIR" not in os.environ and _is_fit():
        os.environ["TMPDIR"] = str(PLACE)
        tempfile.tempdir = None


def _is_fit() -> bool:
    """Return whether there is room for files, and whether scripts among them can be run."""
    if not os.access(PLACE, os.W_OK | os.X_OK):
        return False
    flags = os.statvfs(PLACE).f_flag
    return not flags & (os.ST_NOEXEC | os.ST_NODEV) and shutil.disk_usage(PLACE).free >= _ENOUGH

"""Where to put what is done with. Many files are not removed before the end, since that makes what follows slow.

ext4 does not use an inode again for a minute after it was freed, and meanwhile looks at all of those, one by one, for
each new file: `cp -r` of 10,000 files takes ten times as long right after as many were removed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MANY = 100


def discard(path: Path, scratch: Path) -> None:
    """`path`, which may not exist, is gone when this returns."""
    if not path.exists():
        return
    if sum(len(files) for _, _, files in os.walk(path)) < _MANY:
        shutil.rmtree(path)
        return
    trash = _trash(scratch)
    trash.mkdir(exist_ok=True)
    path.rename(Path(tempfile.mkdtemp(dir=trash)) / path.name)


def empty(scratch: Path) -> None:
    shutil.rmtree(_trash(scratch), ignore_errors=True)


def _trash(scratch: Path) -> Path:
    return scratch / "trash"

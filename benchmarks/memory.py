"""Free memory, put to use before something is measured.

A virtual machine may give the memory that is free back to its host; to get it again can take seconds for each GiB, for
whoever happens to be next. So it is filled with the pages of a file that is one large hole: the kernel drops those, and
nothing else, when memory is wanted.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_LEFT = 1 << 29  # bytes that stay free
_HOLE = 1 << 43
_BLOCK = 1 << 20


class Filler:
    def __init__(self, scratch: Path) -> None:
        self._path = scratch / "hole"
        self._read = 0  # bytes; each is read once only, so that it is not in memory yet

    def fill(self) -> None:
        """Does nothing where the system does not tell how much is free."""
        wanted = _free() - _LEFT
        if wanted <= 0:
            return
        with self._path.open("ab+", buffering=0) as hole:
            hole.truncate(_HOLE)
            buffer = bytearray(_BLOCK)
            for offset in range(self._read, self._read + wanted, _BLOCK):
                os.preadv(hole.fileno(), [buffer], offset)
        self._read += wanted


def _free() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return 0
    found = re.search(r"^MemFree:\s*(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0

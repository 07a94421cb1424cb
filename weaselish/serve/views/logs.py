"""The end of a log: pages show no more, however long it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weaselish.files.regular import open_regular

MOST_SHOWN = 192 << 10  # bytes
MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The last lines of a log, as text with escape sequences. `size`: bytes of the log; `is_cut`: it begins earlier."""

    text: str
    size: int
    is_cut: bool


def end_of_log(path: Path, mask: Callable[[str], str]) -> LogEnd | None:
    """Return the end of a log with secrets masked, None if it is gone or cannot be read."""
    with suppress(OSError), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - MOST_SHOWN)
        file.seek(start)
        data = file.readall()
        if start:
            data = data.partition(b"\n")[2] or data
        lines = data.split(b"\n")
        is_cut = start > 0 or len(lines) > MOST_LINES + 1
        text = b"\n".join(lines[-MOST_LINES - 1 :]).decode("utf-8", "replace")
        return LogEnd(mask(text), size, is_cut)
    return None

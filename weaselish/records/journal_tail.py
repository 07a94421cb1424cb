"""What was appended to a journal since a position, in blocks: memory stays flat however long the journal is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from weaselish.files.regular import open_regular
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.records.journal import PAST
from weaselish.records.journal_lines import JournalLine, Recorded, decode

_BLOCK = 1 << 20  # bytes
LONGEST_LINE = 1 << 26  # bytes; a longer one is not from proj


class PlacedLine(NamedTuple):
    """A complete line and the bytes of the journal that hold it. `line` is None for what is not a journal's line."""

    line: JournalLine | None
    start: int
    end: int


def open_journal(runs: Path, name: str) -> FileIO:
    """Open a journal, wherever it is: it retires when its process has ended. Raises OSError."""
    try:
        return open_regular(runs / name)
    except FileNotFoundError:
        return open_regular(runs / PAST / name)


def lines_after(file: FileIO, position: int) -> Iterator[PlacedLine]:
    """Yield the complete lines from `position` on. Blanks behind the last line, and its beginning, wait."""
    rest = b""
    while block := os.pread(file.fileno(), _BLOCK, position + len(rest)):
        data = rest + block
        end = data.rfind(b"\n") + 1
        start = 0
        while start < end:
            stop = data.index(b"\n", start) + 1
            yield PlacedLine(decode(data[start : stop - 1]), position + start, position + stop)
            start = stop
        position, rest = position + end, data[end:]
        if len(rest) > LONGEST_LINE or not rest.strip(b" "):
            return


def record_at(runs: Path, name: str, start: int, end: int) -> Record | None:
    """Return the record that these bytes of a journal hold. None if the journal is gone or was replaced."""
    if not 0 <= start < end <= start + LONGEST_LINE:
        return None
    with suppress(OSError), open_journal(runs, name) as file:
        line = decode(os.pread(file.fileno(), end - start, start))
        return line.record if isinstance(line, Recorded) else None
    return None

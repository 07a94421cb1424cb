"""Lays out tables for the width of the stream that shows them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from weaselish.terminal import printable

_LOADING_DELAY = 0.1  # seconds; until then the first scripts start
_NARROWEST = 12  # characters of a wrapped column
_STATE_COLUMNS = ("state", "result")  # headers
_COLOUR_OF = {  # the words alone tell the same
    **dict.fromkeys(("up to date", "ran", "restored", "available", "done", "pulled", "accepted"), "green"),
    **dict.fromkeys(("failed", "interrupted", "blocked", "not recorded"), "red"),
    **dict.fromkeys(("out of date", "never ran", "unrecorded", "inputs changed"), "yellow"),
}
_STATES = "|".join(_COLOUR_OF)
_LONGEST_WORD = 30  # characters of a word that a wrapped column does not break


def table(rows: Iterable[Sequence[str]], header: Sequence[str], *, stream: object = None) -> str:
    """Return a table for a stream, stderr by default. Only a terminal limits its width, and shows states in colour."""
    stream = stream or sys.stderr
    return _with_colours(layout(rows, header, _columns(stream)), stream)


def _with_colours(text: str, stream: object) -> str:
    """Colour the states in a table whose header names their column, and in blocks of lines."""
    from weaselish.cli.console import coloured, paint

    if not coloured(stream):
        return text
    first, *rest = text.split("\n")
    column = max(first.find(name) for name in _STATE_COLUMNS)
    pattern = re.compile(
        rf"(.{{{column}}})({_STATES})(?![^ ])" if column > 0 else rf"(  (?:state|result): )({_STATES})"
    )

    def painted(line: str) -> str:
        return pattern.sub(lambda match: match[1] + paint(match[2], _COLOUR_OF[match[2]], stream), line, count=1)

    return "\n".join([first if column > 0 else painted(first), *map(painted, rest)])


def layout(rows: Iterable[Sequence[str]], header: Sequence[str], width: int) -> str:
    """Return a table of `width` characters at most.

    The last column is wrapped if it has enough room. Otherwise each row becomes a block of lines.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    spacing = 3 if sum(widths) + 3 * (len(widths) - 1) < width else 2
    room = width - sum(widths[:-1]) - spacing * (len(widths) - 1) - 1
    if widths[-1] > room:
        longest = max(len(word) for row in cells for word in row[-1].split() or [""])
        if room < max(min(longest, _LONGEST_WORD), _NARROWEST):
            return "\n\n".join("\n".join(_block(row, header, width)) for row in cells)
        cells = [line for row in cells for line in _wrapped(row, room)]
    text = _table_function()(cells, header=list(header), divider=True, max_col=1000, spacing=spacing)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _wrapped(row: Sequence[str], room: int) -> Iterator[list[str]]:
    """Spread the last cell of a row over several rows."""
    first, *rest = _lines(row[-1], room) or [""]
    yield [*row[:-1], first]
    for line in rest:
        yield [*[""] * (len(row) - 1), line]


def _block(row: Sequence[str], header: Sequence[str], width: int) -> Iterator[str]:
    """Show a row as its first cell and, below it, the others that are not empty, with their names."""
    yield row[0]
    for name, cell in zip(header[1:], row[1:], strict=True):
        if cell:
            yield from _lines(f"  {name}: {cell}" if name else f"  {cell}", max(width - 1, _NARROWEST))


def _lines(text: str, room: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, room, subsequent_indent="    " if text.startswith("  ") else "", break_on_hyphens=False)


def _columns(stream: object) -> int:
    """Return the width of a terminal: COLUMNS, or what the system says; without limit for all other streams."""
    from weaselish.cli.console import is_terminal

    if not is_terminal(stream):
        return sys.maxsize
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(stream.fileno()).columns or 80  # type: ignore[attr-defined]
    return 80


def preload_table() -> None:
    """Import what lays out the summary's table (10 ms) while scripts run."""
    import threading

    def load() -> None:
        with suppress(OSError, ImportError):  # too many open files: the summary tries again
            _table_function()

    loading = threading.Timer(_LOADING_DELAY, load)
    loading.daemon = True
    with suppress(RuntimeError):  # the system allows no further threads
        loading.start()


def _table_function() -> Callable[..., str]:
    from wasabi.tables import table as make

    return make

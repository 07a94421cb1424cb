"""Lines at the bottom of a terminal that are redrawn in place, and leave no trace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TextIO

from weaselish.named_tuple import NamedTuple
from weaselish.terminal import printable

_NO_SCREEN = ("", "dumb", "unknown")  # values of TERM
_TO_EDGE, _TO_END = "\x1b[K", "\x1b[J"  # erase the rest of the line, of the screen
ERASE = f"\r{_TO_END}"  # what erases the lines of a region
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # terminals that know them show what is between in one piece


class Size(NamedTuple):
    columns: int
    rows: int


class Piece(NamedTuple):
    """A part of a line, in one style of `console.paint`."""

    text: str
    style: str = ""


Line = Sequence[Piece]


class Region:
    """Draws lines below everything that was printed before.

    The cursor stays visible and rests at the first column of the first line. So whatever else is printed, by a signal
    handler or by the terminal itself, ends up above the lines that are drawn next, and the window may change its size.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_drawn = False

    @property
    def size(self) -> Size:
        """The size of the window; 80 columns and 24 rows if the terminal does not tell."""
        with suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(self._stream.fileno())
            if columns and rows:
                return Size(columns, rows)
        return Size(80, 24)

    def draw(self, lines: Sequence[Line]) -> None:
        """Replace the lines that were drawn before. Lines that do not fit the window are cut."""
        columns, rows = self.size
        shown = ["".join(_fitted(line, columns - 1, self._stream)) for line in lines[: rows - 1]]
        up = f"\x1b[{len(shown) - 1}A" if len(shown) > 1 else ""
        text = f"{_TO_EDGE}\r\n".join(shown)
        self._write(f"{_BEGIN}\r{text}{_TO_END}{up}\r{_END}")
        self.is_drawn = bool(shown)

    def clear(self, *, draws_next: bool = False) -> None:
        """Erase the lines, so that something else can be printed in their place.

        `draws_next`: `draw` follows, and the terminal may show what is printed until then in one piece with it.
        """
        if self.is_drawn:
            self.is_drawn = False
            self._write(f"{_BEGIN if draws_next else ''}{ERASE}")

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with suppress(OSError, ValueError):  # the terminal has gone
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()


def can_redraw(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which lines can be redrawn."""
    with suppress(AttributeError, ValueError):
        return stream.isatty() and os.environ.get("TERM", "") not in _NO_SCREEN
    return False


def _fitted(line: Line, columns: int, stream: TextIO) -> Iterator[str]:
    """Yield the pieces of a line, painted, as far as they fit into the columns."""
    from rich.cells import cell_len, set_cell_size

    from weaselish.cli.console import paint

    for piece in line:
        text = printable(piece.text)
        width = cell_len(text)
        if width > columns:
            text = set_cell_size(text, max(columns - 1, 0)).rstrip() + "…"[: max(columns, 0)]
        yield paint(text, piece.style, stream)
        columns -= width
        if columns <= 0:
            return

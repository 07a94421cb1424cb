"""Draws boxes and lines with characters."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from weaselish.graphs.channels import Channel, make_channels
from weaselish.named_tuple import NamedTuple
from weaselish.plan.layout import Box, Layout


class Part(NamedTuple):
    """Text in one style: the name of a colour, `bold`, `dim`, or none."""

    text: str
    style: str = ""


Line = list[Part]


class Side(enum.IntFlag):
    """The sides of a cell that a line reaches."""

    NONE = 0
    UP = 1
    DOWN = 2
    LEFT = 4
    RIGHT = 8


_LINES = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"  # by the sides
_PLAIN = " ||" + "|-+++-+++-+++"


class Canvas:
    """Cells of a terminal, by row and column."""

    def __init__(self, plain: bool) -> None:
        self._lines = _PLAIN if plain else _LINES
        self._arrow = "v" if plain else "▼"
        self._sides: dict[tuple[int, int], Side] = {}
        self._cells: dict[tuple[int, int], Part] = {}  # "" is the second half of a wide character

    @classmethod
    def draw(cls, layout: Layout, labels: Mapping[str, Line], *, plain: bool) -> list[Line] | None:
        """Return the lines of a layout, or None if its edges would run into each other."""
        channels = make_channels(layout)
        if channels is None:
            return None
        canvas = cls(plain)
        top = 0
        for row, channel in zip(layout.rows, channels, strict=True):
            height = row.bottom - row.top
            for name in row.nodes:
                canvas._box(layout.boxes[name]._replace(y=top), labels[name])
            for column in channel.passing:
                canvas._down(column, top - 1, top + height)
            top += height
            canvas._channel(channel, top)
            top += channel.height
        return canvas._rows(top)

    def _box(self, box: Box, label: Line) -> None:
        last, right = box.y + box.height - 1, box.right - 1
        self._across(box.y, box.x, right)
        self._across(last, box.x, right)
        for column in (box.x, right):
            self._down(column, box.y, last)
        at = box.x + 2
        for part in label:
            at = self._write(box.y + 1, at, part)

    def _write(self, row: int, column: int, part: Part) -> int:
        """Write text; return the column after it."""
        start = column
        for char in part.text:
            width = text_width(char)
            if not width and column > start:
                before = self._cells[row, column - 1]
                self._cells[row, column - 1] = before._replace(text=before.text + char)
                continue
            self._cells[row, column] = Part(char, part.style)
            for further in range(1, width):
                self._cells[row, column + further] = Part("", part.style)
            column += max(width, 1)
        return column

    def _channel(self, channel: Channel, top: int) -> None:
        """Draw the lines between a row that ends above `top` and the next one."""
        end = top + channel.height
        for net in channel.nets:
            middle = top + net.track
            self._down(net.top, top - 1, middle if net.is_bent else end)
            if net.is_bent:
                self._across(middle, min(net.columns), max(net.columns))
            for column, is_box in net.bottoms:
                if net.is_bent:
                    self._down(column, middle, end)
                if is_box:
                    self._cells[end, column] = Part(self._arrow)

    def _across(self, row: int, left: int, right: int) -> None:
        for column in range(left, right + 1):
            self._add(row, column, _if(column > left, Side.LEFT) | _if(column < right, Side.RIGHT))

    def _down(self, column: int, top: int, bottom: int) -> None:
        for row in range(top, bottom + 1):
            self._add(row, column, _if(row > top, Side.UP) | _if(row < bottom, Side.DOWN))

    def _add(self, row: int, column: int, sides: Side) -> None:
        self._sides[row, column] = self._sides.get((row, column), Side.NONE) | sides

    def _rows(self, height: int) -> list[Line]:
        width = 1 + max((column for _, column in {**self._sides, **self._cells}), default=-1)
        return [self._row(row, width) for row in range(height)]

    def _row(self, row: int, width: int) -> Line:
        """Return a row as parts, neighbours of one style joined, without spaces at the end."""
        line: Line = []
        for column in range(width):
            sides = self._sides.get((row, column), Side.NONE)
            part = self._cells.get((row, column), Part(self._lines[sides], "dim" if sides else ""))
            if line and line[-1].style == part.style:
                line[-1] = Part(line[-1].text + part.text, part.style)
            else:
                line.append(part)
        while line and not line[-1].text.strip():
            line.pop()
        return [*line[:-1], line[-1]._replace(text=line[-1].text.rstrip())] if line else []


def _if(condition: bool, side: Side) -> Side:
    return side if condition else Side.NONE


def text_width(text: str) -> int:
    """Return how many columns text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)

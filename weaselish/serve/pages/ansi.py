"""Turns the output of scripts into HTML: colours as classes, everything else escaped or left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

from weaselish.graphs.markup import escaped
from weaselish.named_tuple import NamedTuple
from weaselish.terminal import without_sequences

_COLOUR = re.compile(r"\x1b\[([0-9;:]*)m")
_LONGEST = 4000  # characters of a line that pages show


class Style(NamedTuple):
    """How text looks. Colours are numbers from 0 to 15, None for the page's own."""

    colour: int | None = None
    background: int | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False

    @property
    def classes(self) -> str:
        """The classes of an element with this style, empty for the page's own."""
        colour, background = self.colour, self.background
        names = [] if colour is None else [f"c{colour}"]
        names += [] if background is None else [f"g{background}"]
        return " ".join(names + [name for name, is_set in zip(self._fields[2:], self[2:], strict=True) if is_set])


def as_html(text: str) -> Markup:
    """Return the lines of a log as elements with ids `L1`, `L2`, …"""
    style = Style()
    lines = []
    for number, line in enumerate(_lines(text), 1):
        pieces = []
        for piece, style in _pieces(_shown(line), style):  # noqa: B020 - a style goes on in the next line
            classes = style.classes
            pieces.append(f'<span class="{classes}">{escaped(piece)}</span>' if classes else escaped(piece))
        lines.append(f'<span class="l" id="L{number}">{"".join(pieces)}\n</span>')
    return Markup("".join(lines))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _shown(line: str) -> str:
    """Return what a terminal shows of a line in the end: progress bars return to its beginning and overwrite it."""
    line = line.rstrip("\r")
    if "\r" in line:
        colours = "".join(match[0] for match in _COLOUR.finditer(line[: line.rindex("\r")]))
        line = colours + line[line.rindex("\r") + 1 :]
    while "\b" in line and (shorter := re.sub(r"[^\x08]\x08", "", line, count=1)) != line:
        line = shorter
    return line.replace("\t", "    ") if len(line) <= _LONGEST else line[:_LONGEST].replace("\t", "    ") + " …"


def _pieces(line: str, style: Style) -> Iterator[tuple[str, Style]]:
    """Yield the parts of a line in one style each; at the end an empty one with the style that goes on."""
    at = 0
    for match in _COLOUR.finditer(line):
        if piece := without_sequences(line[at : match.start()]):
            yield piece, style
        style = _changed(style, match[1])
        at = match.end()
    yield without_sequences(line[at:]), style


def _changed(style: Style, codes: str) -> Style:
    numbers = [int(code) if code.isdecimal() and len(code) < 4 else 0 for code in re.split("[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code in (38, 48):
            colour = _extended(numbers)
            style = style._replace(colour=colour) if code == 38 else style._replace(background=colour)
        else:
            style = _simple(style, code)
    return style


def _simple(style: Style, code: int) -> Style:
    switches = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse"}
    if code == 0:
        return Style()
    if code in switches:
        return style._replace(**{switches[code]: True})
    if code == 22:
        return style._replace(bold=False, dim=False)
    if code - 20 in switches:
        return style._replace(**{switches[code - 20]: False})
    for start, first in ((30, 0), (90, 8)):
        if start <= code < start + 8:
            return style._replace(colour=code - start + first)
        if start + 10 <= code < start + 18:
            return style._replace(background=code - start - 10 + first)
    if code == 39:
        return style._replace(colour=None)
    return style._replace(background=None) if code == 49 else style


def _extended(numbers: list[int]) -> int | None:
    """Take the rest of a colour of 256, or of 16 million, and return the nearest of 16."""
    kind = numbers.pop(0) if numbers else 0
    if kind == 5 and numbers:
        return _of_256(numbers.pop(0))
    if kind == 2 and len(numbers) >= 3:
        red, green, blue = numbers[:3]
        del numbers[:3]
        return _nearest(red, green, blue)
    numbers.clear()
    return None


def _of_256(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        grey = (number - 232) * 10 + 8
        return _nearest(grey, grey, grey)
    number -= 16
    levels = (0, 95, 135, 175, 215, 255)
    return _nearest(levels[number // 36 % 6], levels[number // 6 % 6], levels[number % 6])


def _nearest(red: int, green: int, blue: int) -> int:
    """Return the colour of 16 with the same hue: bit 1 red, bit 2 green, bit 4 blue, 8 for a bright one."""
    brightest = max(red, green, blue)
    if brightest - min(red, green, blue) < 40:
        return (0, 8, 7, 15)[min(3, brightest // 64)]
    half = (brightest + min(red, green, blue)) / 2
    hue = (red > half) + 2 * (green > half) + 4 * (blue > half)
    return hue + (8 if brightest > 200 else 0)

"""Draws docs/run.svg: a real run on a terminal of 80 columns."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from pyte.screens import Char
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text
from screen import Screen

from pages.sessions import Session

COLUMNS = 80
LINES = (
    "proj run all",
    "sed -i 's/upper/title/' scripts/shout.py",
    "proj status",
    "proj run all",
    "proj run all",
)
_END = "the end of the picture"
_COLOURS = {"brown": "yellow"}  # pyte's names that differ from rich's
_ADDRESSES = re.compile(r"@font-face \{\{.*?\}\}|<!--.*?-->", re.DOTALL)  # nothing is to be fetched


def draw(scratch: Path) -> str:
    """Run LINES in a new project; return the screen as SVG."""
    session = Session(scratch)
    code, output = session.run("proj init demo && cd demo")
    assert code == 0, output
    script = [f"printf '\\033[1;32m$\\033[0m %s\\n' {_quoted(line)}\n{line}" for line in LINES]
    file = scratch / "picture.sh"
    file.write_text("\n".join([*script, f"echo {_END}", "sleep 60"]), "utf-8")
    environ = {name: value for name, value in session.environ.items() if name != "NO_COLOR"}
    with Screen(["bash", str(file)], session.directory, environ, columns=COLUMNS) as screen:
        screen.wait_for(_END)
        return _svg(screen.cells[:-1])


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"


def _svg(lines: Iterable[Iterable[Char]]) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in lines:
        console.print(_styled(line), overflow="crop", no_wrap=True)
    template = _ADDRESSES.sub("", CONSOLE_SVG_FORMAT)
    return console.export_svg(title="proj", unique_id="run", code_format=template)


def _styled(line: Iterable[Char]) -> Text:
    text = Text()
    for style, chars in groupby(line, _style):
        text.append("".join(char.data for char in chars), style)
    text.rstrip()
    return text


def _style(char: Char) -> Style:
    colour = _COLOURS.get(char.fg, char.fg)
    is_named = colour.isalpha() and colour != "default"
    return Style(color=colour.replace("bright", "bright_") if is_named else None, bold=char.bold)

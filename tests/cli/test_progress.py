"""The bar of push, pull and assets."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from weaselish.cli.progress import transfer_bar


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
@pytest.mark.parametrize("action", ["pushing", "packing `models/a-name-that-is-longer-than-any-window-of-a-terminal`"])
def test_the_bar_fits_one_line_and_always_shows_how_much_is_done(columns: int, action: str) -> None:
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
    bar, task = transfer_bar(action, console)
    bar.update(task, total=987 << 20, completed=123 << 20)
    with console.capture() as shown:
        console.print(bar.get_renderable())
    [line] = shown.get().splitlines()
    assert cell_len(line) <= columns
    assert "123.0/987.0 MiB" in line
    assert line.startswith(action[:3])
    assert ("━" in line) is (columns >= 80)

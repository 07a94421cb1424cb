"""A stranger's first ten minutes: the wheel, an empty home and README.md, on a terminal of 80 columns and 24 rows.

`GOLDEN=rewrite` rewrites the screens in screens.txt. Compared are their words, not times, sizes, dates and run ids.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pages.blocks import ROOT, blocks
from pages.sessions import LAPTOP, matches
from screen import Screen
from wheel import install_wheel

SCREENS = Path(__file__).parent / "screens.txt"
HOME = "/home/ada-lovelace"  # in the screens


@pytest.mark.slow
def test_the_readme_leads_a_stranger_to_these_screens(tmp_path: Path) -> None:
    programs = install_wheel(tmp_path)
    with TemporaryDirectory(prefix="proj-", dir="/tmp") as home:  # of a length that does not change how lines break
        shown = "".join(_screens(Path(home), programs)).replace(home, HOME)
    is_as_before = SCREENS.exists() and matches(SCREENS.read_text("utf-8"), shown)
    if os.environ.get("GOLDEN") == "rewrite" and not is_as_before:
        SCREENS.write_text(shown, "utf-8")
        return
    assert is_as_before, f"if it is meant, run this test with GOLDEN=rewrite\n{shown}"


def _screens(home: Path, programs: Path) -> Iterator[str]:
    """Type what README.md says, and edit what it says; yield each screen."""
    [site] = (programs.parent / "lib").glob("python*/site-packages")
    (site / "sitecustomize.py").write_text(LAPTOP)
    environ = {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(programs.parent),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PS1": "$ ",
    }
    with Screen(["bash", "--norc", "--noprofile"], home, environ, lines=24) as screen:
        screen.wait_for("$")
        for line, is_shown in _lines((ROOT / "README.md").read_text("utf-8")):
            screen.press("\f")
            screen.wait_until(lambda: screen.text == "$")
            screen.press(line)
            screen.wait_for(f"$ {line}")
            screen.press("\r")
            screen.wait_until(lambda: screen.text.endswith("\n$"))
            if is_shown:
                yield f"{'━' * 80}\n{screen.text}\n"


def _lines(readme: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines that a reader types, and those that stand for edits, which are not shown."""
    for block in blocks(readme):
        if (edit := block.marked("setup:")) is not None:
            yield edit, False
        if block.kind == "console" and block.marked("not run:") is None:
            for line in (block.text or "").splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ "), True

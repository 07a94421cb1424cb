"""Tables at several widths: nothing is cut."""

from __future__ import annotations

import io
import re
import sys

import pytest
from harness import ProjectDir
from hypothesis import given
from hypothesis import strategies as st
from screen import Screen

from weaselish.cli.tables import layout, table

HEADER = ("step", "state", "why")
ROWS = [
    ("train", "out of date", "`corpus/train.csv` changed; the script changed; the output `model` is missing"),
    ("evaluate", "up to date", ""),
]


def test_a_table_with_enough_room_has_a_line_for_each_row() -> None:
    assert len(layout(ROWS, HEADER, sys.maxsize).splitlines()) == 4


def test_a_narrow_table_wraps_its_last_column() -> None:
    assert layout(ROWS, HEADER, 60) == (
        "step      state        why\n"
        "--------  -----------  ----------------------------------\n"
        "train     out of date  `corpus/train.csv` changed; the\n"
        "                       script changed; the output `model`\n"
        "                       is missing\n"
        "evaluate  up to date"
    )


def test_a_very_narrow_table_becomes_blocks() -> None:
    assert layout(ROWS, HEADER, 34) == (
        "train\n  state: out of date\n  why: `corpus/train.csv`\n    changed; the script changed;\n"
        "    the output `model` is missing\n\nevaluate\n  state: up to date"
    )


@given(
    st.lists(st.tuples(*[st.text("ab c-/", max_size=40).map(str.strip)] * 3), max_size=4),
    st.integers(20, 120),
)
def test_nothing_is_cut_at_any_width(rows: list[tuple[str, str, str]], width: int) -> None:
    shown = "".join(layout(rows, HEADER, width).split())
    for row in rows:
        assert "".join(row[0].split()) in shown
    assert sum(shown.count(letter) for letter in "b") >= sum(cell.count("b") for row in rows for cell in row)


@pytest.mark.parametrize("columns", [80, 40])
def test_the_subcommands_fit_a_terminal(project: ProjectDir, columns: int) -> None:
    assert project.proj("init").code == 0
    assert project.process("run", "all").code == 0
    assert project.process("push").code == 0
    project.write("scripts/greet.py", "raise SystemExit(3)\n")
    assert project.process("run", "all").code == 3
    for words in ([], ["status"], ["log"], ["ls"], ["run", "all"]):
        argv = [sys.executable, "-m", "weaselish", *words]
        with Screen(argv, project.path, project.environ, columns=columns, lines=100) as screen:
            shown = screen.wait_for({"run": "failed", "ls": "shout.txt"}.get("".join(words[:1]), "shout"))
            assert "…" not in shown


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", ["80", "30"])
def test_a_terminal_shows_states_in_colour_and_the_same_words(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NO_COLOR": "", "TERM": "xterm", "COLUMNS": width}.items():
        monkeypatch.setenv(name, value)
    rows = [("failed", "up to date", "why it ran"), *ROWS]
    text = table(rows, HEADER, stream=_Terminal())
    assert re.sub("\x1b\\[[0-9;]*m", "", text) == layout(rows, HEADER, int(width))
    assert re.findall("m([a-z ]+)\x1b", text) == ["up to date", "out of date", "up to date"]
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(rows, HEADER, stream=_Terminal()) == layout(rows, HEADER, int(width))

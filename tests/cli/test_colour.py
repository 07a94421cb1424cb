"""Output in colour, on a terminal."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from .screen import Screen

REPORTS = [
    [],
    ["--help"],
    ["run", "count", "--dry"],
    ["status", "-v"],
    ["status", "--remote", "default"],
    ["graph", "-v"],
    ["log"],
    ["log", "-v"],
    ["why"],
    ["diff"],
    ["validate"],
    ["vars"],
    ["ls"],
    ["remote", "list"],
    ["push", "--dry"],
    ["clone", "--list"],
]


@pytest.mark.parametrize("words", REPORTS, ids=" ".join)
def test_colour_changes_no_word(pipeline: ProjectDir, words: list[str]) -> None:
    pipeline.project(pipeline.read("project.yml") + "remotes: {default: ../remote}\n")
    pipeline.proj("run", "all")
    pipeline.proj("push")
    pipeline.write("raw.txt", "new\n")
    plain, coloured = (Screen(pipeline, *words, columns=120, rows=100, env={"NO_COLOR": no}) for no in ("1", ""))
    assert (coloured.ends(), _words(coloured)) == (plain.ends(), _words(plain))
    assert "Traceback" not in plain.text


def _words(screen: Screen) -> list[str]:
    """Return what is on the screen, except for times."""
    return [word for word in screen.text.split() if not word[0].isdigit() and word not in ("s", "ms")]

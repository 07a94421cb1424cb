"""Outputs: where they go exists before a run, and the error for a forgotten one says what was written instead."""

from __future__ import annotations

import os

import pytest
from harness import ProjectDir

FORGOTTEN = "✘ `a` ended without an error, but did not produce its output `models/deep/model.bin`\n  hint: "
ADVICE = "correct the script or the path, or list optional outputs under `outputs_no_cache`\n"


def run(project: ProjectDir, line: str) -> str:
    """Run a command with one script line that forgets its output; return what follows the message."""
    project.project(f"""\
        commands:
          - {{name: a, shell: true, script: ["{line}"], outputs: [models/deep/model.bin, made.txt]}}
        """)
    done = project.proj("run", "a")
    assert done.code == 1
    return done.err.partition(FORGOTTEN)[2].splitlines(keepends=True)[0]


def test_directories_of_outputs_are_created_before_a_run(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, script: [touch models/deep/x log/y], outputs: [models/deep/x], outputs_no_cache: [log/y]}
        """)
    assert project.proj("run", "a").code == 0


def test_an_output_itself_is_not_created_for_an_output_inside_it(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo], outputs: [d, d/x]}]")
    assert "did not produce its output `d`\n" in project.proj("run", "a").err
    assert not project.exists("d")


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("touch models/deep/model.pkl", "`models/deep/model.pkl`"),
        ("touch models/model.bin", "`models/model.bin`"),
        ("touch model.bin; touch made.txt", "`model.bin`"),
        ("mkdir other; touch other/model.bin other/x", "`other/model.bin`, `other/x`"),
    ],
)
def test_the_error_for_a_forgotten_output_names_what_was_written(project: ProjectDir, line: str, written: str) -> None:
    for path in ("models/deep/old.bin", "old.bin"):
        os.utime(project.write(path), (1, 1))
    shown = run(project, line)
    assert shown == f"during the run {written} appeared or changed: {ADVICE}"


def test_without_such_a_file_only_the_advice_is_given(project: ProjectDir) -> None:
    assert run(project, "touch made.txt") == ADVICE

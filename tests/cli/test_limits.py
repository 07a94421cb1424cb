"""Systems that are at a limit or lack a feature: one line that names the limit and the fix, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Done, ProjectDir

LIMITED = str(Path(__file__).with_name("limited.py"))
TWO = """\
commands:
  - {name: a, script: [touch a.out], outputs: [a.out]}
  - {name: b, script: [touch b.out], outputs: [b.out]}
"""


def limited(project: ProjectDir, limit: str, number: int, *words: str) -> Done:
    done = subprocess.run(
        [sys.executable, LIMITED, limit, str(number), *words],
        cwd=project.path,
        env=project.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", [["run", "a"], ["run", "a", "b", "-k"], ["run", "a", "b", "-k", "-j4"]], ids=" ".join)
def test_no_further_process_is_an_error_that_names_the_limit(project: ProjectDir, words: list[str]) -> None:
    project.project(TWO)
    done = limited(project, "NPROC", 0, *words)
    assert done.code == 126
    expected = "✘ `a`: `touch` could not be started: no more processes allowed for this user (0, `ulimit -u`)\n"
    assert expected in done.err
    assert "  hint: end other processes, or raise the limit\n" in done.err
    assert "Traceback" not in done.err


def test_subcommands_without_processes_work_without_further_threads(project: ProjectDir) -> None:
    project.project(TWO)
    for words in ([], ["status"], ["graph"], ["run", "a", "--dry"], ["validate"]):
        done = limited(project, "NPROC", 0, *words)
        assert (done.code, done.err) == (0, ""), words


@pytest.mark.parametrize("number", [5, 6, 7, 8, 9, 10, 12, 13, 14, 18])
@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_too_many_open_files_are_an_error_or_no_problem(project: ProjectDir, number: int, jobs: str) -> None:
    project.project(TWO)
    project.proj("status")
    done = limited(project, "NOFILE", number, "run", "a", "b", jobs)
    assert "Traceback" not in done.err
    assert "Exception" not in done.err
    if done.code:
        assert "oo many open files" in done.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["run", "a"],
        ["status"],
        ["log"],
        ["graph"],
        ["vars"],
        ["validate"],
        ["push"],
        ["pull"],
        ["ls"],
        ["remote", "list"],
        ["remote", "test", "x"],
        ["assets"],
        ["lock", "accept", "a"],
        ["lock", "reset", "a"],
        ["init"],
        ["clone", "minimal"],
        ["document"],
        ["dvc"],
    ],
    ids=" ".join,
)
def test_a_deleted_current_directory_is_one_line(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    program = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
    program += "import sys; from weaselish.__main__ import main; sys.exit(main())"
    gone.mkdir()
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=30)
    expected = "error: the current directory no longer exists\n  hint: change to another directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_project_elsewhere_can_be_named_in_a_deleted_directory(project: ProjectDir, tmp_path: Path) -> None:
    project.project(TWO)
    gone = tmp_path / "gone"
    gone.mkdir()
    before = os.getcwd()
    os.chdir(gone)
    gone.rmdir()
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "weaselish", "-C", str(project.path), "run", "a"],
            env=project.environ,
            capture_output=True,
            text=True,
        )
    finally:
        os.chdir(before)
    assert done.returncode == 0, done.stderr


def test_an_environment_that_is_too_long_is_reported(project: ProjectDir) -> None:
    project.project("vars: {x: y}\ncommands: [{name: a, script: ['echo ${vars.x}']}]")
    done = project.proj("run", "a", "--", "x" * 3_000_000)
    assert done.code == 126
    assert "✘ `a`: `echo` could not be started: its arguments and environment are too long for the system\n" in done.err
    assert "  hint: pass long values in a file\n" in done.err

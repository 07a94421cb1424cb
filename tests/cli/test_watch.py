"""`proj run --watch`: runs again when something changes, and ends with Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness import Background, ProjectDir, is_alive, wait_until

PROJECT = """\
commands:
  - {name: a, script: [cp in.txt a.txt], deps: [in.txt, data, "src/*.py"], outputs: [a.txt]}
  - {name: b, script: [cp a.txt b.txt], deps: [a.txt, b.cfg], outputs: [b.txt]}
workflows: {all: [a, b]}
"""
WAITING = "waiting for changes in "


@pytest.fixture
def watched(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    for path in ("in.txt", "data/x", "src/m.py", "b.cfg"):
        project.write(path, "1")
    return project


class Rounds:
    """`proj run --watch` in a process, and how often it has come to rest."""

    def __init__(self, process: Background) -> None:
        self.process = process
        self._seen = 0  # bytes of stderr

    def rest(self) -> str:
        """Wait until the next run has ended; return what proj printed since the last call."""
        wait_until(lambda: WAITING in self.process.err[self._seen :] or not self.process.is_running)
        end = self.process.err.index("\n", self.process.err.index(WAITING, self._seen)) + 1
        shown, self._seen = self.process.err[self._seen : end], end
        return shown

    def end(self) -> int:
        self.process.signal(signal.SIGINT)
        return self.process.wait().code


@contextmanager
def watching(project: ProjectDir, *words: str) -> Iterator[Rounds]:
    rounds = Rounds(project.start("run", *words))
    try:
        yield rounds
    finally:
        if rounds.process.is_running:
            rounds.process.signal(signal.SIGKILL)
            rounds.process.wait()


def test_an_edit_runs_what_depends_on_it(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch") as rounds:
        assert "✔ 2 ran\n" in rounds.rest()
        watched.write("b.cfg", "22")
        shown = rounds.rest()
        assert "changed: `b.cfg`\n" in shown and "✔ 1 up to date, 1 ran\n" in shown
        assert shown.endswith("waiting for changes in 5 paths (Ctrl-C ends)\n")
        watched.write("in.txt", "22")
        assert "changed: `in.txt`\n" in rounds.rest()
        assert watched.read("b.txt") == "22"
        assert rounds.end() == 130


@pytest.mark.parametrize("path", ["src/new.py", "data/deep/new"])
def test_a_new_file_counts(watched: ProjectDir, path: str) -> None:
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        watched.write(path, "1")
        assert f"changed: `{path}`\n" in rounds.rest()


def test_a_directory_that_vanishes_and_reappears_is_watched_again(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        shutil.rmtree(watched.path / "data")
        assert "`a` needs `data`, which does not exist" in rounds.rest()
        watched.write("data/x", "22")
        assert "dep changed: data (changed x)" in rounds.rest()
        watched.write("data/y", "1")
        assert "changed: `data/y`\n" in rounds.rest()


def test_an_editor_may_save_by_rename(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        for text in ("22", "333"):
            watched.write(".in.txt.swp", text)
            os.replace(watched.path / ".in.txt.swp", watched.path / "in.txt")
            assert "changed: `in.txt`\n" in rounds.rest()


def test_outputs_and_ignored_files_do_not_count(watched: ProjectDir) -> None:
    watched.write(".projignore", "*.log\n")
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        watched.write("a.txt", "changed by hand")
        watched.write("data/__pycache__/m.pyc", "1")
        watched.write("data/run.log", "1")
        watched.write("beside.txt", "1")
        watched.write("b.cfg", "22")
        assert "changed: `b.cfg`\n" in rounds.rest()


def test_a_broken_project_yml_is_an_error_until_it_is_mended(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        watched.project("commands: [")
        assert "project.yml:2:1: error: this is not YAML" in rounds.rest()
        watched.remove("project.yml")
        assert "error: no project.yml in " in rounds.rest()
        watched.project(PROJECT.replace("cp a.txt", "cp in.txt"))
        assert "script changed: line 1" in rounds.rest()


def test_a_project_yml_that_is_broken_from_the_start_is_watched(watched: ProjectDir) -> None:
    watched.project("commands: [")
    with watching(watched, "all", "--watch") as rounds:
        assert "waiting for changes in 1 path " in rounds.rest()
        watched.project(PROJECT)
        assert "✔ 2 ran\n" in rounds.rest()


def test_dotenv_files_count(watched: ProjectDir) -> None:
    watched.project(PROJECT + "dotenv: [.env]\n")
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        watched.write(".env", "A=1\n")
        assert "changed: `.env`\n" in rounds.rest()


SLOW = """\
commands:
  - {name: slow, script: [sh wait.sh one], deps: [in.txt], outputs: [one.running]}
  - {name: after, script: [touch after.txt], deps: [one.running], outputs: [after.txt]}
"""


def test_a_running_step_ends_before_the_targets_run_again(watched: ProjectDir) -> None:
    watched.project(SLOW)
    watched.write_wait()
    with watching(watched, "after", "--watch") as rounds:
        watched.wait_for("one")
        watched.write("in.txt", "22")
        watched.let_go("one")
        assert "inputs changed while it ran" in rounds.rest()
        assert "✔ 2 ran\n" in rounds.rest()


def test_with_restart_a_running_step_is_interrupted(watched: ProjectDir) -> None:
    watched.project(SLOW)
    watched.write_wait()
    with watching(watched, "after", "--watch=restart") as rounds:
        first = watched.wait_for("one")
        watched.remove("one.running")
        watched.write("in.txt", "22")
        assert "✘ `slow` was interrupted\n" in rounds.rest()
        second = watched.wait_for("one")
        assert second != first and not is_alive(first)
        watched.let_go("one")
        assert "✔ 2 ran\n" in rounds.rest()


@pytest.mark.parametrize("option", ["--watch", "--watch=restart"])
def test_ctrl_c_during_a_run_ends_it_and_the_watch(watched: ProjectDir, option: str) -> None:
    watched.project(SLOW)
    watched.write_wait()
    with watching(watched, "after", option) as rounds:
        pid = watched.wait_for("one")
        assert rounds.end() == 130
        assert not is_alive(pid)


def test_sigterm_while_waiting_ends_with_its_code(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch") as rounds:
        rounds.rest()
        rounds.process.signal(signal.SIGTERM)
        assert rounds.process.wait().code == 143


def test_events_of_each_run_may_be_json(watched: ProjectDir) -> None:
    with watching(watched, "all", "--watch", "--json-lines") as rounds:
        rounds.rest()
        watched.write("in.txt", "22")
        rounds.rest()
        assert rounds.process.out.count('"event":"run finished"') == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nothing", "--watch"], "error: no command or workflow named `nothing`"),
        (["all", "--watch", "--dry"], "error: `--watch` and `--dry` exclude each other"),
        (["all", "--watch", "--json"], "error: `--watch` and `--json` exclude each other"),
        (["all", "--watch=restrat"], "error: no way to watch named `restrat`"),
        (["all", "--watch", "--only", "--from", "c"], "error: `c` is not a step of this run"),
    ],
)
def test_a_wrong_command_line_is_an_error_at_once(watched: ProjectDir, words: list[str], error: str) -> None:
    done = watched.proj("run", *words)
    assert done.code == 2
    assert done.err.splitlines()[0] == error

"""`proj clean`: removes what a remote holds, asks about the rest, and touches nothing else."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from harness import Done, ProjectDir, wait_until

from weaselish import Project

PROJECT = """\
commands:
  - {name: a, script: [sh a.sh], deps: [a.sh, in.txt], outputs: [a.txt, d], outputs_no_cache: [log.txt]}
  - {name: b, script: [cp a.txt b.txt], deps: [a.txt], outputs: [b.txt]}
workflows: {all: [a, b]}
remotes: {default: ../remote, other: ../other}
"""


@pytest.fixture
def two(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    project.write("in.txt", "1")
    project.write("a.sh", "cp in.txt a.txt; mkdir -p d/deep; cp in.txt d/deep/x; echo log > log.txt\n")
    assert project.proj("run", "all").code == 0
    return project


def kept(project: ProjectDir) -> list[str]:
    """Return the outputs that exist."""
    return [path for path in ("a.txt", "d", "log.txt", "b.txt") if project.exists(path)]


def test_a_file_that_git_tracks_stays_without_a_question(two: ProjectDir) -> None:
    two.git("init")
    two.git("add", "log.txt")
    two.proj("push")
    done = two.proj("clean")
    assert done.code == 0
    assert "– a: `log.txt` kept: git tracks it\n" in done.err
    assert kept(two) == ["log.txt"]
    assert "log.txt` kept: git tracks it" in two.proj("clean", "--dry").err


def test_what_only_the_run_cache_holds_is_removed(two: ProjectDir) -> None:
    two.write("project.yml", PROJECT + "cache: local\n")
    two.proj("run", "b", "--force-all")
    done = two.proj("clean", "b")
    assert done.err == "✔ b: `b.txt` removed: the run cache holds it\n1 output removed (1 B)\n"
    assert two.proj("run", "b").code == 0
    assert two.exists("b.txt")


def test_what_a_remote_holds_is_removed_and_a_pull_brings_it_back(two: ProjectDir) -> None:
    two.proj("push")
    before = {path: data for path, data in two.files().items() if not path.startswith(".proj")}
    done = two.proj("clean", "--yes")
    assert done.code == 0
    assert done.err.splitlines()[:2] == [
        "✔ a: `a.txt` removed: remote `default` holds it",
        "✔ a: `d` removed: remote `default` holds it",
    ]
    assert "✔ a: `log.txt` removed: it existed only locally\n" in done.err
    assert "4 outputs removed (7 B)\n" in done.err
    assert kept(two) == []
    assert two.proj("pull").code == 0
    assert two.proj("status", "--check").code == 0
    after = {path: data for path, data in two.files().items() if not path.startswith(".proj")}
    del before["log.txt"], before["project.lock"], after["project.lock"]
    assert after == before


def test_without_a_terminal_what_exists_only_locally_stays_and_the_exit_code_is_1(two: ProjectDir) -> None:
    two.proj("push", "-c", "b")
    done = two.proj("clean")
    assert (done.code, kept(two)) == (1, ["a.txt", "d", "log.txt"])
    assert "– a: `a.txt` kept: exists only locally\n" in done.err
    assert done.err.endswith("hint: without a terminal, `--yes` also removes what exists only locally\n")
    assert two.proj("clean", "b").code == 0


def test_an_output_that_changed_since_its_run_exists_only_locally(two: ProjectDir) -> None:
    two.proj("push")
    two.write("d/deep/y", "mine")
    two.proj("clean")
    assert kept(two) == ["d", "log.txt"]


def test_an_object_that_is_missing_or_cut_off_holds_nothing(two: ProjectDir) -> None:
    two.proj("push")
    objects = two.path.parent / "remote"
    (one,) = (objects / "b.txt").glob("*/*")
    one.write_bytes(one.read_bytes()[:-1])
    assert two.proj("clean", "b").code == 1
    one.unlink()
    assert two.proj("clean", "b").code == 1
    assert "b.txt" in kept(two)


def test_every_remote_is_asked_unless_one_is_named(two: ProjectDir) -> None:
    two.proj("push", "other", "-c", "b")
    assert two.proj("clean", "b", "--remote", "default").code == 1
    assert two.proj("clean", "b", "--remote", "nothing").code == 2
    done = two.proj("clean", "b")
    assert (done.code, done.err.splitlines()[0]) == (0, "✔ b: `b.txt` removed: remote `other` holds it")


def test_a_remote_that_cannot_be_asked_is_left_out_unless_it_is_named(two: ProjectDir) -> None:
    two.project(PROJECT.replace("default: ../remote", "default: az://container/prefix"))
    two.proj("push", "other")
    done = two.proj("clean", "b")
    assert (done.code, "warning: remote `default` cannot be asked: " in done.err) == (0, True)
    two.proj("pull", "other")
    assert two.proj("clean", "b", "--remote", "default").code == 1
    assert "b.txt" in kept(two)


def test_a_dry_run_changes_nothing(two: ProjectDir) -> None:
    two.proj("push", "-c", "b")
    before = kept(two)
    done = two.proj("clean", "--dry", "--json")
    assert done.code == 0
    assert {row["output"]: (row["removed"], row["remote"], row["kept"]) for row in done.json} == {
        "a.txt": (False, None, "exists only locally"),
        "d": (False, None, "exists only locally"),
        "log.txt": (False, None, "exists only locally"),
        "b.txt": (True, "default", None),
    }
    assert "✔ b: `b.txt` would be removed: remote `default` holds it\n" in done.err
    assert kept(two) == before


def test_unrecorded_outputs_are_removed_only_if_their_command_is_named(two: ProjectDir) -> None:
    two.proj("lock", "reset", "b")
    done = two.proj("clean", "all", "--yes")
    assert (done.code, kept(two)) == (0, ["b.txt"])
    assert "– b: `b.txt` kept: no run of its command is recorded\n  hint: `proj clean b` asks" in done.err
    assert two.proj("clean", "b").code == 1
    assert two.proj("clean", "b", "--yes").code == 0
    assert kept(two) == []


def test_inputs_links_and_what_is_outside_the_project_stay(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: edit, script: [touch own.txt], deps: [own.txt], outputs: [own.txt]}
          - {name: out, script: [touch ../outside.txt], outputs: [../outside.txt]}
          - {name: link, script: [ln -sfn ../elsewhere link], outputs: [link]}
          - {name: asset, script: [touch asset.txt], outputs: [asset.txt]}
        assets: [{dest: asset.txt}]
        """)
    project.write("own.txt", "1")
    project.write("../elsewhere/x", "1")
    for name in ("edit", "out", "link", "asset"):
        assert project.proj("run", name).code == 0
    done = project.proj("clean", "edit", "out", "link", "asset", "--yes")
    assert done.code == 0
    assert [line.partition("kept: ")[2] for line in done.err.splitlines()[:-1]] == [
        "it is also a dep of its command",
        "it is outside the project",
        "it is a link",
        "it is also an asset",
    ]
    assert done.err.endswith("0 outputs removed (0 B), 4 kept\n")


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", []), (b"n\n", ["a.txt", "d", "log.txt"])])
def test_on_a_terminal_one_question_is_asked(two: ProjectDir, answer: bytes, left: list[str]) -> None:
    two.proj("push", "-c", "b")
    done = typed(two, answer, "clean")
    assert (done.code, kept(two)) == (0, left)
    assert done.err.count("[y/N]") == 1
    assert "Remove 3 outputs that no remote holds? [y/N]" in done.err


def typed(project: ProjectDir, answer: bytes, *words: str) -> Done:
    """Run proj with a terminal as its standard input, on which a user types the answer."""
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    with open(ours, "wb"), open(theirs, "rb") as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "weaselish", *words],
            cwd=project.path,
            env=project.environ,
            stdin=terminal,
            capture_output=True,
            text=True,
        )
    return Done(done.returncode, done.stdout, done.stderr)


def test_clean_waits_for_a_step_that_uses_the_outputs(two: ProjectDir) -> None:
    two.write_wait()
    two.project(PROJECT.replace("[cp a.txt b.txt]", '["sh wait.sh w", "cp a.txt b.txt"]'))
    running = two.start("run", "b")
    two.wait_for("w")
    cleaning = two.start("clean", "b", "--yes")
    wait_until(lambda: "b: waiting for " in cleaning.err)
    two.let_go("w")
    assert running.wait().code == 0
    done = cleaning.wait()
    assert (done.code, two.exists("b.txt")) == (0, False)


def test_after_a_kill_an_output_is_gone_or_intact(two: ProjectDir) -> None:
    two.proj("push")
    random = Random(1)
    for _ in range(6):
        process = two.start("clean", "--yes")
        time.sleep(random.uniform(0.1, 0.5))
        process.signal(signal.SIGKILL)
        process.wait()
        assert two.proj("pull").code == 0
        assert two.read("d/deep/x") == two.read("b.txt") == "1"
        assert not [path for path in Path(two.path).rglob("*") if ".proj-gone-" in path.name]


def test_python_removes_too_and_asks_the_caller(two: ProjectDir) -> None:
    two.proj("push")
    asked: list[str] = []

    def confirm(rows: object) -> bool:
        asked.extend(row.output for row in rows)  # type: ignore[attr-defined]
        return False

    rows = Project(two.path).clean(confirm=confirm)
    assert [row.output for row in rows if row.kept is None] == ["a.txt", "d", "b.txt"]
    assert asked == kept(two) == ["log.txt"]

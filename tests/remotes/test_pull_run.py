"""`proj pull --run`: one run, by the id that `proj ls` shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir


@pytest.fixture
def random(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A project whose step gives another result each time, with two published runs."""
    project.project(
        f"""\
        commands:
          - {{name: draw, script: ["sh draw.sh"], deps: [draw.sh], outputs: [number]}}
          - {{name: other, script: ["cp draw.sh copy"], deps: [draw.sh], outputs: [copy]}}
        remotes: {{default: {tmp_path}/remote}}
        """
    )
    project.write("draw.sh", "cat /proc/sys/kernel/random/uuid > number")
    for _ in range(2):
        assert project.proj("run", "draw", "--force").code == 0
        assert project.proj("push").code == 0
    return project


def runs(project: ProjectDir) -> dict[str, str]:
    """Return id -> digest of the runs on the remote, the oldest first."""
    listed = project.proj("ls", "--json").json
    return {str(run["run"]): run["outputs"][0]["digest"] for run in listed[::-1] if run["command"] == "draw"}


def test_an_older_run_is_pulled_by_its_id_and_counts_as_up_to_date(random: ProjectDir) -> None:
    newest = random.read("number")
    first, second = runs(random)
    done = random.proj("pull", "--run", first)
    assert done.code == 0, done.err
    assert random.read("number") != newest
    assert random.proj("status", "draw", "--check").code == 0
    assert random.proj("pull", "--run", second).code == 0
    assert random.read("number") == newest
    assert not random.exists("copy")


def test_the_id_that_ls_shows_is_enough(random: ProjectDir) -> None:
    shown = [line.split()[-1] for line in random.proj("ls").out.splitlines() if line.startswith("draw")]
    assert all(6 <= len(one) < 16 for one in shown)
    random.remove("number")
    assert random.proj("pull", "--run", shown[-1]).code == 0
    assert random.exists("number")


def test_a_run_with_another_script_is_refused(random: ProjectDir) -> None:
    first = next(iter(runs(random)))
    random.write("draw.sh", "echo 4 > number")
    done = random.proj("pull", "--run", first)
    assert done.code == 1
    assert f"run {first} had a different script, deps or env: dep changed: draw.sh\n" in done.err


def test_a_run_with_other_variables_says_which_and_can_be_pulled_with_them(project: ProjectDir) -> None:
    project.project("""\
        vars: {n: 1}
        remotes: {default: ../remote}
        commands: [{name: make, shell: true, script: ["echo ${vars.n} > out"], outputs: [out]}]
        """)
    project.proj("run", "make", "--vars.n", "2")
    project.proj("push", "--vars.n", "2")
    (run,) = (str(one["run"]) for one in project.proj("ls", "--json").json)
    project.proj("run", "make")
    done = project.proj("pull", "--run", run)
    assert done.code == 1
    assert "script changed: line 1 (`echo 2` → `echo 1`)\n  hint: repeat the `--vars` of that run\n" in done.err
    assert project.proj("pull", "--run", run, "--vars.n", "2", "--force").code == 0
    assert project.read("out") == "2\n"


def test_what_exists_only_locally_stays(random: ProjectDir) -> None:
    first = next(iter(runs(random)))
    random.write("number", "mine\n")
    assert random.proj("pull", "--run", first).code == 1
    assert random.read("number") == "mine\n"
    assert random.proj("pull", "--run", first, "--force").code == 0


@pytest.mark.parametrize("run", ["1", "999999", "draw", "", "-1"])
def test_an_id_that_no_run_has_is_an_error(random: ProjectDir, run: str) -> None:
    assert random.proj("pull", f"--run={run}").code == 2


def test_a_run_and_a_command_exclude_each_other(random: ProjectDir) -> None:
    assert random.proj("pull", "--run", "123456", "-c", "draw").code == 2

"""The status of steps, and the exit code of `status --check`."""

from __future__ import annotations

import signal

import pytest
from harness import ProjectDir, kill_line


def states(project: ProjectDir) -> dict[str, str]:
    return {row["step"]: row["state"] for row in project.proj("status", "--json").json}


@pytest.fixture
def copying(project: ProjectDir) -> ProjectDir:
    """A command that copies `in` to `out`; it fails if `in` says so."""
    project.project("commands: [{name: copy, script: [grep -v fail in, cp in out], deps: [in], outputs: [out]}]")
    project.write("in", "1\n")
    return project


def test_a_step_never_ran_then_is_up_to_date_then_out_of_date(copying: ProjectDir) -> None:
    assert states(copying) == {"copy": "never ran"}
    copying.proj("run", "copy")
    assert states(copying) == {"copy": "up to date"}
    copying.write("in", "2\n")
    assert states(copying) == {"copy": "out of date"}


def test_a_failed_step_shows_its_exit_code_until_a_run_succeeds(copying: ProjectDir) -> None:
    copying.write("in", "fail\n")
    assert copying.proj("run", "copy").code == 1
    done = copying.proj("status", "--check")
    assert done.code == 1
    assert "failed (exit 1, " in done.out and " ago)" in done.out
    [row] = copying.proj("status", "--json").json
    assert (row["state"], row["exit_code"]) == ("failed", 1)
    assert "failed (exit 1, " in copying.proj().out
    copying.write("in", "1\n")
    copying.proj("run", "copy")
    assert states(copying) == {"copy": "up to date"}


def test_a_reset_step_whose_outputs_exist_is_unrecorded(copying: ProjectDir) -> None:
    copying.proj("run", "copy")
    copying.proj("lock", "reset", "copy")
    assert states(copying) == {"copy": "unrecorded"}
    copying.remove("out")
    assert states(copying) == {"copy": "never ran"}


def test_a_killed_step_is_interrupted(project: ProjectDir) -> None:
    project.write_wait()
    project.project("commands: [{name: long, script: [sh wait.sh long], outputs: [out]}]")
    running = project.start("run", "long")
    pid = project.wait_for("long")
    running.signal(signal.SIGKILL)
    running.wait()
    kill_line(pid)
    assert states(project) == {"long": "interrupted"}


def test_check_ignores_steps_that_always_run_and_what_waits_only_for_them(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: fetch, script: [touch data], outputs: [data], no_skip: true}
          - {name: train, script: [cp data model], deps: [data], outputs: [model]}
          - {name: report, script: ["true"], deps: [model]}
        """)
    assert project.proj("status", "--check").code == 1
    project.proj("run", "train")
    assert states(project) == {"fetch": "always runs", "train": "out of date", "report": "always runs"}
    assert project.proj("status", "--check").code == 0
    project.remove("model")
    assert project.proj("status", "--check").code == 1


def test_a_wrong_top_level_key_is_shown_once_by_every_subcommand(copying: ProjectDir) -> None:
    copying.project(f"titel: x\n{copying.read('project.yml')}")
    warning = "project.yml:1:1: warning: unknown key `titel` is ignored\n  hint: did you mean `title`?\n"
    for words in ([], ["status"], ["run", "copy"], ["run", "copy", "-n"], ["graph"], ["log"], ["vars"], ["validate"]):
        assert copying.proj(*words).err.count(warning) == 1

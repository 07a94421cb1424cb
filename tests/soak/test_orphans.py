"""What a killed `proj` leaves behind goes on writing: the next run ends it before it touches the same outputs."""

from __future__ import annotations

import signal

import pytest
from harness import Background, ProjectDir, is_alive, wait_until

from weaselish.locks import waiting

MAKE = """\
commands:
  - name: make
    script: [cp in.txt out.txt, sh wait.sh make, touch end.txt]
    deps: [in.txt]
    outputs: [out.txt, end.txt]
  - {name: use, script: [cp out.txt used.txt], deps: [out.txt], outputs: [used.txt]}
"""
QUICK = MAKE.replace("sh wait.sh make", "test -e in.txt")


@pytest.fixture
def made(project: ProjectDir) -> ProjectDir:
    """A step that waits to be let go, and one that uses what it makes."""
    project.project(MAKE)
    project.write("in.txt", "one")
    project.write_wait()
    return project


def kill(running: Background) -> None:
    running.signal(signal.SIGKILL)
    running.wait()


def test_the_next_run_ends_what_a_killed_one_left_behind_and_says_so(made: ProjectDir) -> None:
    running = made.start("run", "use")
    orphan = made.wait_for("make")
    kill(running)
    assert is_alive(orphan)
    made.project(QUICK)
    done = made.process("run", "use")
    assert done.code == 0
    assert f"make: waiting for what a killed `proj` left running: process {orphan} (`sh`)" in done.err
    assert not is_alive(orphan)
    assert "make: was interrupted" in done.err
    assert made.proj("status", "--check").code == 0


def test_an_orphan_that_ignores_sigterm_is_killed(made: ProjectDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_GRACE", 0.1)
    made.write("wait.sh", "trap '' TERM\n" + made.read("wait.sh"))
    running = made.start("run", "make")
    orphan = made.wait_for("make")
    kill(running)
    made.project(QUICK)
    assert made.proj("run", "make").code == 0
    assert not is_alive(orphan)


def test_a_waiting_run_sees_that_the_run_it_waits_for_is_killed(made: ProjectDir) -> None:
    running = made.start("run", "make")
    orphan = made.wait_for("make")
    waiting = made.start("run", "make")
    wait_until(lambda: f"make: waiting for `make` of process {running.pid}\n" in waiting.err)
    assert is_alive(orphan)
    made.remove("make.running")
    kill(running)
    made.wait_for("make")
    assert not is_alive(orphan)
    assert "waiting for what a killed `proj` left running" in waiting.err
    made.let_go("make")
    assert waiting.wait().code == 0


def test_no_wait_leaves_an_orphan_alone(made: ProjectDir) -> None:
    running = made.start("run", "make")
    orphan = made.wait_for("make")
    kill(running)
    done = made.proj("run", "make", "--no-wait")
    assert done.code == 1
    assert "`make` would have to wait for what a killed `proj` left running: process" in done.err
    assert is_alive(orphan)
    made.let_go("make")
    wait_until(lambda: not is_alive(orphan))


def test_a_daemon_that_a_successful_step_left_behind_is_not_an_orphan(project: ProjectDir) -> None:
    project.write_wait()
    project.project("commands: [{name: make, shell: true, script: [sh wait.sh daemon & touch out], outputs: [out]}]")
    assert project.process("run", "make").code == 0
    daemon = project.wait_for("daemon")
    done = project.process("run", "make", "--force")
    assert (done.code, "waiting" in done.err) == (0, False)
    assert is_alive(daemon)
    project.let_go("daemon")
    wait_until(lambda: not is_alive(daemon))

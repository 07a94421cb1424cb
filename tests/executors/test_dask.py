"""Jobs on Dask: the contract on workers that share the project's directory, and whole steps on workers that do not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from engines.dask import Dask
from exec.samples import below, results, run, write_chain
from harness import ProjectDir, is_alive, wait_until

from weaselish.executors.base import Executor
from weaselish.executors.dask.executor import DaskExecutor
from weaselish.model.executors import DaskSettings

from .contract import SharedDirectoryContract

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120), pytest.mark.xdist_group("dask")]


class TestDaskExecutor(SharedDirectoryContract):
    name = "dsk"
    many = 16
    much = 20_000_000

    @pytest.fixture
    def executor(self, tmp_path: Path, dask: Dask) -> Executor:
        settings = DaskSettings("dsk", address=dask.address, shared=True)
        return DaskExecutor(tmp_path, self.environ, settings, grace=0.3)


WAITING = """\
    executors: {{default: dsk, dsk: {{type: dask, remote: team}}}}
    remotes: {{team: {remote}}}
    commands:
      - name: a
        script: ['sh {root}/wait.sh {root}/a', touch out]
        outputs: [out]
    """


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def waiting(project: ProjectDir, remote: Path, dask: Dask) -> ProjectDir:
    """Make a project whose step waits, on workers with directories of their own."""
    project.environ |= dask.environ
    project.project(WAITING.format(root=project.path, remote=remote))
    project.write_wait()
    return project


def test_steps_run_on_workers_without_the_project(project: ProjectDir, remote: Path, dask: Dask) -> None:
    project.environ |= dask.environ
    write_chain(project, remote, CHAIN_ON_DASK)
    assert run(project, "all") == {"prep": "ran", "train": "ran"}
    assert project.read("notes") == "prepared"
    assert run(project, "all", "--executor", "local") == {"prep": "up to date", "train": "up to date"}
    assert below(remote, ".proj/jobs") == []
    wait_until(lambda: dask.places() == [], "the removal of the directories of jobs")


CHAIN_ON_DASK = """\
    executors: {default: dsk, dsk: {type: dask, remote: team}}
    remotes: {team: REMOTE}
    commands:
      - {name: prep, script: [python prep.py], deps: [prep.py, raw], outputs: [corpus], outputs_no_cache: [notes]}
      - {name: train, script: [python train.py], deps: [train.py, corpus], outputs: [model]}
    workflows: {all: [prep, train]}
    """


def test_the_step_of_a_killed_worker_runs_again_and_is_published_once(
    waiting: ProjectDir, remote: Path, dask: Dask
) -> None:
    running = waiting.start("run", "a", "--json")
    script = waiting.wait_for("a")
    victim = dask.worker_of(script)
    waiting.remove("a.running")
    dask.kill_worker(victim)
    try:
        again = waiting.wait_for("a")
        assert dask.worker_of(again) != victim
        wait_until(lambda: not is_alive(script), "the end of the first script")
        waiting.let_go("a")
        done = running.wait()
        assert done.code == 0, done.err
        assert results(done) == {"a": "ran"}
        assert len(below(remote, ".proj/runs")) == 1
    finally:
        dask.start_worker(victim, wait=True)


def test_a_step_whose_workers_all_die_fails_and_publishes_nothing(
    waiting: ProjectDir, remote: Path, dask: Dask
) -> None:
    running = waiting.start("run", "a")
    victims: list[str] = []
    try:
        for _ in range(2):  # the scheduler of the tests allows one failure
            script = waiting.wait_for("a")
            waiting.remove("a.running")
            victims.append(dask.worker_of(script))
            dask.kill_worker(victims[-1])
        done = running.wait()
        assert done.code == 1
        assert "the workers that ran it died, one after the other" in done.err
        wait_until(lambda: not is_alive(script), "the end of the last script")
        assert below(remote, ".proj/runs") == []
    finally:
        for victim in victims:
            dask.start_worker(victim, wait=True)


def test_a_killed_proj_finds_its_job_again(waiting: ProjectDir, remote: Path) -> None:
    first = waiting.start("run", "a")
    waiting.wait_for("a")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    waiting.remove("a.running")
    second = waiting.start("run", "a", "--json")
    wait_until(lambda: "waits for its job from an earlier run on `dsk`" in second.err, "the second run to wait")
    waiting.let_go("a")
    done = second.wait()
    assert done.code == 0, done.err
    assert results(done) == {"a": "ran"}
    assert not waiting.exists("a.running")
    assert len(below(remote, ".proj/runs")) == 1


def test_ctrl_c_leaves_nothing_behind(waiting: ProjectDir, remote: Path, dask: Dask) -> None:
    running = waiting.start("run", "a")
    script = waiting.wait_for("a")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not is_alive(script)
    assert below(remote, ".proj/runs") == []
    wait_until(lambda: dask.places() == [], "the removal of the job's directory")


def test_clean_ends_what_a_killed_proj_left_and_test_runs_true(waiting: ProjectDir) -> None:
    running = waiting.start("run", "a")
    script = waiting.wait_for("a")
    assert waiting.proj("executor", "clean", "dsk", "--json").json == []  # a living `proj` waits for it
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert [one["step"] for one in waiting.proj("executor", "clean", "dsk", "--json").json] == ["a"]
    wait_until(lambda: not is_alive(script), "the end of the script")
    tested = waiting.proj("executor", "test", "dsk")
    assert tested.code == 0, tested.err


def test_several_steps_run_at_once(project: ProjectDir, remote: Path, dask: Dask) -> None:
    project.environ |= dask.environ
    both = f"[ -e {project.path}/1 ] && [ -e {project.path}/2 ]"
    meet = f"sh -c 'touch {project.path}/$0; until {both}; do sleep 0.02; done'"
    project.project(f"""\
        executors: {{default: dsk, dsk: {{type: dask, shared: true}}}}
        commands:
          - {{name: one, script: ["{meet} 1"], outputs: ['1'], timeout: 60s}}
          - {{name: two, script: ["{meet} 2"], outputs: ['2'], timeout: 60s}}
        workflows: {{all: [one, two]}}
        """)
    assert run(project, "all") == {"one": "ran", "two": "ran"}


@pytest.mark.parametrize(
    ("executor", "command", "message"),
    [
        ("{type: dask}", "script: ['true'], resources: {gpus: 7}, queue_timeout: 1s", "no worker that offers GPU=7"),
        ("{type: dask}", "roles: {w: {script: ['true']}}", "has roles, which Dask cannot start together"),
        ("{type: dask}", "script: ['true'], image: busybox", "the workers of `dsk` run no containers"),
        ("{type: dask, address: 'tcp://127.0.0.1:9'}", "script: ['true']", "cannot reach Dask's scheduler"),
    ],
)
def test_what_dask_cannot_do_ends_with_a_message(
    project: ProjectDir, dask: Dask, executor: str, command: str, message: str
) -> None:
    project.environ |= dask.environ
    project.project(f"""\
        executors: {{default: dsk, dsk: {executor}}}
        remotes: {{default: ../remote}}
        commands: [{{name: a, {command}}}]
        """)
    done = project.proj("run", "a")
    assert (done.code, message in done.err) == (1, True), done.err

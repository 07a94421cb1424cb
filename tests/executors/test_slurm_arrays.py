"""Steps that are ready together become tasks of an array, each as independent as a job of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engines.slurm import Slurm
from exec.samples import results
from harness import ProjectDir, ran, wait_until

from weaselish.executors.base import JobState
from weaselish.executors.slurm.executor import SlurmExecutor
from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.gathering import Gathering
from weaselish.executors.slurm.programs import Programs, Refused
from weaselish.executors.slurm.submitting import Request, Submitter
from weaselish.model.executors import SlurmSettings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

NUMBERS = range(8)
PROJECT = f"""\
executors:
  default: hpc
  hpc: {{type: slurm, options: [--hold]}}
commands:
  - name: s
    matrix: {{n: {list(NUMBERS)}}}
    script: ["sh step.sh ${{matrix.n}}"]
    outputs: ["o${{matrix.n}}"]
"""
STEP = """\
env | grep -q ^SLURM_ARRAY_ && exit 9
echo $1 >> ran
case $1 in
3) exit 7;;
5) sh wait.sh five; exit 1;;
6) trap : TERM; sh wait.sh six;;  # Slurm's signal ends wait.sh, and this shell goes on
esac
echo $1 > o$1
"""


@pytest.fixture
def fan(project: ProjectDir, slurm: Slurm) -> ProjectDir:
    project.environ |= slurm.environ
    project.project(PROJECT)
    project.write("step.sh", STEP)
    project.write_wait()
    return project


def queued(slurm: Slurm) -> list[str]:
    """Return the ids of the jobs that wait."""
    return slurm.ask("squeue", "-h", "-r", "-t", "PENDING", "-o", "%i").split()


def test_tasks_of_an_array_fail_stop_and_start_again_alone(fan: ProjectDir, slurm: Slurm) -> None:
    running = fan.start("run", "s", "--keep-going", "--json")
    wait_until(lambda: len(queued(slurm)) == len(NUMBERS))
    tasks = [job for job in queued(slurm) if "_" in job]
    assert len(tasks) > 1
    slurm.ask("scontrol", "release", *queued(slurm))
    fan.wait_for("five")
    fan.wait_for("six")
    stopped = fan.proj("stop", "s@5")
    assert stopped.code == 0, stopped.err
    wait_until(lambda: len(slurm.queue()) == 1)
    six, node = slurm.ask("squeue", "-h", "-r", "-o", "%i %N").split()
    fan.remove("six.running")
    slurm.ask("scontrol", "requeue", six)
    # on its own node, the end of the first start may remove the files of one that does not wait for two minutes
    slurm.ask("scontrol", "update", f"JobId={six}", f"ExcNodeList={node}")
    wait_until(lambda: slurm.starts_now(six) and fan.exists("six.running"))
    fan.let_go("six")
    done = running.wait()
    others = {f"s@{n}": "ran" for n in NUMBERS if n not in (3, 5)}
    assert results(done) == {**others, "s@3": "failed", "s@5": "failed"}
    assert done.code == 7
    assert sorted(ran(fan)) == sorted([*map(str, NUMBERS), "6"])


def test_the_next_run_finds_the_tasks_of_a_killed_proj(fan: ProjectDir, slurm: Slurm) -> None:
    fan.write("step.sh", "echo $1 >> ran; echo $1 > o$1")
    killed = fan.start("run", "s")
    wait_until(lambda: len(queued(slurm)) == len(NUMBERS))
    wait_until(lambda: fan.proj("ps").out.count("hpc") == len(NUMBERS))
    killed.signal(signal.SIGKILL)
    killed.wait()
    again = fan.start("run", "s", "--json")
    wait_until(lambda: again.err.count("waits for its job from an earlier run") == len(NUMBERS))
    slurm.ask("scontrol", "release", *queued(slurm))
    done = again.wait()
    assert done.code == 0, done.err
    assert set(results(done).values()) == {"ran"}
    assert sorted(ran(fan)) == list(map(str, NUMBERS))
    assert list((fan.path / ".proj/jobs").iterdir()) == []


def test_ctrl_c_cancels_all_tasks(fan: ProjectDir, slurm: Slurm) -> None:
    running = fan.start("run", "s")
    wait_until(lambda: len(queued(slurm)) == len(NUMBERS))
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert slurm.queue() == []


def test_a_task_is_found_by_its_name_before_its_id_is_known(tmp_path: Path, slurm: Slurm) -> None:
    executor = SlurmExecutor(tmp_path, slurm.environ, SlurmSettings("hpc"))
    programs = Programs(slurm.environ)
    jobs = _reserved(tmp_path / ".proj/jobs", 3)
    for files in jobs:
        files.script.write_text("#!/bin/sh\n")
    request = Request(("--hold",), frozenset())
    submitter = Submitter(programs, slurm.environ)
    array = [job for job in submitter._submit_together(request, jobs) if isinstance(job, str)]
    assert [job.partition("_")[2] for job in array] == ["0", "1", "2"]
    handles = [f"? {files.stem}" for files in jobs]
    assert set(executor.states(handles).values()) == {JobState.QUEUED}
    executor.stop(handles[1])
    assert executor.states([f"{array[1]} x", f"{array[2]} x"]) == {
        f"{array[1]} x": JobState.GONE,
        f"{array[2]} x": JobState.QUEUED,
    }
    slurm.ask("scancel", *array)


class Refusing(Programs):
    """Refuses arrays, and more than two jobs."""

    def __init__(self) -> None:
        super().__init__({})
        self.submitted: list[str] = []

    def submit(self, arguments: Sequence[str], environ: Mapping[str, str], *, script: str | None = None) -> str:
        if script is not None or len(self.submitted) == 2:
            raise Refused("too many")
        self.submitted.append(arguments[-1])
        return str(len(self.submitted))


def test_jobs_of_an_array_that_slurm_refuses_are_submitted_one_by_one(tmp_path: Path) -> None:
    programs = Refusing()
    jobs = _reserved(tmp_path, 4)
    found = Submitter(programs, {})._submit_together(Request((), frozenset()), jobs)
    assert list(map(str, found)) == ["1", "2", "too many", "too many"]
    assert [files.task for files in jobs[:2]] == [(files.stem, None) for files in jobs[:2]]


def test_requests_that_come_during_a_call_share_the_next_one() -> None:
    calls: list[Sequence[int]] = []
    first_runs, go_on = threading.Event(), threading.Event()

    def call(key: str, items: Sequence[int]) -> list[int | BaseException]:
        calls.append(sorted(items))
        first_runs.set()
        assert go_on.wait(30)
        return [item if item else ValueError("zero") for item in items]

    gathering = Gathering(call, most=3)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(gathering, "a", 1)
        assert first_runs.wait(30)
        rest = [pool.submit(gathering, "a", number) for number in (0, 2, 3, 4)]
        wait_until(lambda: len(gathering._queues["a"].waiting) == len(rest))
        go_on.set()
        assert first.result() == 1
        assert [one.exception() or one.result() for one in rest[1:]] == [2, 3, 4]
        assert str(rest[0].exception()) == "zero"
    assert sorted(map(len, calls)) == [1, 1, 3]


def _reserved(directory: Path, count: int) -> list[JobFiles]:
    directory.mkdir(parents=True, exist_ok=True)
    return [JobFiles(directory, f"job-{number}") for number in range(count)]

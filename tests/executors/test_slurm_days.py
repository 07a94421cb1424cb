"""Good and bad days of steps in the queue of a real Slurm, through the command line."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest
from engines.slurm import Slurm
from harness import ProjectDir, is_alive, ran, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

PROJECT = """\
title: Days
executors:
  default: hpc
  hpc: {type: slurm, partition: main}
  held: {type: slurm, options: [--hold]}
  unknown: {type: slurm, partition: nowhere}
  once: {type: slurm, options: [--no-requeue]}
  short: {type: slurm, partition: small}
commands:
  - name: quick
    script: ["sh -c 'echo quick >> ran; echo 1 > one'"]
    outputs: [one]
  - name: slow
    script: ["sh -c 'echo slow >> ran'", sh wait.sh slow, "sh -c 'echo 2 > two'"]
    outputs: [two]
"""


@pytest.fixture
def days(project: ProjectDir, slurm: Slurm) -> ProjectDir:
    project.environ |= slurm.environ
    project.project(PROJECT)
    project.write_wait()
    return project


def add(days: ProjectDir, name: str, script: str, more: str = "") -> None:
    days.project(f"{PROJECT}  - name: {name}\n    script: [{script!r}]\n{more}")


def job_files(days: ProjectDir, suffix: str = "") -> list[Path]:
    return sorted((days.path / ".proj/jobs").glob(f"*{suffix}"))


def test_what_slurm_computed_is_up_to_date_everywhere(days: ProjectDir) -> None:
    first = days.proj("run", "quick")
    assert first.code == 0, first.err
    assert ran(days) == ["quick"]
    assert days.proj("run", "quick", "--executor", "local").code == 0
    assert ran(days) == []
    assert job_files(days) == []


def test_the_next_run_waits_for_the_job_of_a_killed_proj(days: ProjectDir, slurm: Slurm) -> None:
    killed = days.start("run", "slow")
    days.wait_for("slow")
    killed.signal(signal.SIGKILL)
    killed.wait()
    again = days.start("run", "slow")
    wait_until(lambda: "waits for its job from an earlier run on `hpc`" in again.err)
    days.let_go("slow")
    done = again.wait()
    assert done.code == 0, done.err
    assert ran(days) == ["slow"]
    assert days.proj("run", "slow").code == 0
    assert ran(days) == []


def test_of_two_proj_one_submits_and_the_other_waits(days: ProjectDir, slurm: Slurm) -> None:
    first = days.start("run", "slow")
    days.wait_for("slow")
    second = days.start("run", "slow")
    wait_until(lambda: "waiting for" in second.err)
    days.let_go("slow")
    assert (first.wait().code, second.wait().code) == (0, 0)
    assert ran(days) == ["slow"]


def test_ctrl_c_leaves_nothing_in_the_queue(days: ProjectDir, slurm: Slurm) -> None:
    running = days.start("run", "slow")
    days.wait_for("slow")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    waiting = days.start("run", "quick", "--executor", "held")
    wait_until(lambda: "PENDING" in slurm.queue())
    waiting.signal(signal.SIGINT)
    assert waiting.wait().code == 130
    wait_until(lambda: not slurm.queue())


def test_a_request_that_nothing_satisfies_is_refused_in_the_words_of_slurm(days: ProjectDir, slurm: Slurm) -> None:
    add(days, "huge", "true", "    resources: {memory: 900GiB}\n")
    done = days.proj("run", "huge")
    assert done.code == 1
    assert "`huge`: Slurm refuses its job: " in done.err
    assert "Requested node configuration is not available" in done.err
    done = days.proj("run", "quick", "--executor", "unknown")
    assert done.code == 1
    assert "invalid partition specified: nowhere; Invalid partition name specified" in done.err
    add(days, "long", "true", "    timeout: 1h\n")
    done = days.proj("run", "long", "--executor", "short")
    assert done.code == 1
    assert "`long`: Slurm can never start its job as it is: PartitionTimeLimit" in done.err
    assert job_files(days, ".secrets") == []
    wait_until(lambda: not slurm.queue())


def test_a_queue_timeout_withdraws_the_job(days: ProjectDir, slurm: Slurm) -> None:
    add(days, "patient", "true", "    queue_timeout: 1s\n")
    done = days.proj("run", "patient", "--executor", "held")
    assert done.code == 1
    assert "`patient`: waited 1 s in the queue of Slurm (JobHeldUser)" in done.err
    wait_until(lambda: not slurm.queue())


def test_a_controller_that_is_away_delays_a_job_and_no_job_is_submitted_twice(days: ProjectDir, slurm: Slurm) -> None:
    slurm.stop_controller()
    try:
        running = days.start("run", "quick")
        wait_until(lambda: "Slurm's controller does not answer" in running.out + running.err)
    finally:
        slurm.start_controller()
    done = running.wait()
    assert done.code == 0, done.err
    assert ran(days) == ["quick"]


def test_a_job_goes_on_when_its_node_died(days: ProjectDir, slurm: Slurm) -> None:
    running = days.start("run", "slow")
    days.wait_for("slow")
    job, node = slurm.ask("squeue", "-h", "-o", "%A %N").split()
    slurm.kill_node(node)
    try:
        (days.path / "slow.running").unlink()
        wait_until(lambda: slurm.queue() == ["PENDING"])
        slurm.ask("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm itself delays it by two minutes
        days.wait_for("slow")
    finally:
        slurm.start_node(node)
    days.let_go("slow")
    done = running.wait()
    assert done.code == 0, done.err
    assert "started again" in done.out + done.err
    assert ran(days) == ["slow", "slow"]


def test_the_result_of_a_job_counts_although_slurm_gave_its_node_up(days: ProjectDir, slurm: Slurm) -> None:
    running = days.start("run", "slow")
    days.wait_for("slow")
    [node] = slurm.ask("squeue", "-h", "-o", "%N").split()
    slurm.kill_node(node, jobs=False)
    try:
        wait_until(lambda: slurm.queue() == ["PENDING"])
        days.let_go("slow")
        done = running.wait()
        assert done.code == 0, done.err
        wait_until(lambda: not slurm.queue())
    finally:
        slurm.start_node(node)
    assert ran(days) == ["slow"]
    assert job_files(days) == []


def test_a_step_fails_with_its_node_if_its_job_may_not_start_again(days: ProjectDir, slurm: Slurm) -> None:
    running = days.start("run", "slow", "--executor", "once")
    script = days.wait_for("slow")
    [node] = slurm.ask("squeue", "-h", "-o", "%N").split()
    slurm.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    done = running.wait()
    slurm.ask("scontrol", "update", f"NodeName={node}", "State=RESUME")
    assert done.code == 143
    assert "`slow`, line 2: the node of its job failed (NodeDown)" in done.err
    assert not is_alive(script)


def test_a_job_that_is_cancelled_from_outside_is_tried_again_or_fails(days: ProjectDir, slurm: Slurm) -> None:
    days.project(f"{PROJECT}    retries: 1\n")
    running = days.start("run", "slow")
    for _ in range(2):
        scripts = [days.wait_for("slow")]
        days.remove("slow.running")
        slurm.ask("scancel", *slurm.ask("squeue", "-h", "-o", "%A").split())
        wait_until(partial(none_lives, scripts))
    done = running.wait()
    assert done.code == 143
    assert "its job was cancelled in Slurm" in done.err
    assert ran(days) == ["slow", "slow"]
    wait_until(lambda: not slurm.queue())


def none_lives(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


def test_a_secret_is_in_no_script_and_not_in_the_environment_that_slurm_keeps(days: ProjectDir, slurm: Slurm) -> None:
    add(days, "secret", "sh -c 'echo $API_TOKEN | wc -c; sh wait.sh secret'", "    env: {API_TOKEN: hush-hush-9}\n")
    running = days.start("run", "secret", "--executor", "held", env={"GITHUB_TOKEN": "ambient-7"})
    wait_until(lambda: "PENDING" in slurm.queue())
    (secrets,) = job_files(days, ".secrets")
    assert secrets.stat().st_mode & 0o777 == 0o600
    job = slurm.ask("squeue", "-h", "-o", "%A").strip()
    kept = [path for path in (*job_files(days), *slurm.directory.rglob("*")) if path.is_file() and path != secrets]
    assert len(kept) > 10
    assert not [path for path in kept if {b"hush-hush-9", b"ambient-7"} & found(path, b"hush-hush-9", b"ambient-7")]
    slurm.ask("scontrol", "release", job)
    days.wait_for("secret")
    assert not secrets.exists()
    days.let_go("secret")
    done = running.wait()
    assert done.code == 0, done.err
    assert "12\n" in done.out


ROLES = """\
  - name: train
    roles:
      ps: {replicas: 1, port: 2222, script: [sh ps.sh], keep_alive: true}
      worker: {replicas: 4, port: 2222, script: [sh worker.sh], restarts: 1}
    outputs: [model]
"""
NAMES = "GPU_COUNT REPLICA_INDEX PS_NODES WORKER_NODES BUILD_ID TASK_NAME PROJECT_NAME RANK WORLD_SIZE LOCAL_RANK"


def test_a_parameter_server_and_four_workers_find_each_other(days: ProjectDir, slurm: Slurm) -> None:
    days.project(PROJECT + ROLES)
    days.write("ps.sh", "echo $PS_NODES > ps\nexec sleep 1000\n")
    values = " ".join(f"${name}" for name in NAMES.split())
    retry = "if [ $REPLICA_INDEX = 2 ] && [ ! -e again ]; then touch again; exit 9; fi"
    days.write("worker.sh", f"{retry}\necho {values} > model/$REPLICA_INDEX\n")
    days.write("model/begun")
    done = days.proj("run", "train")
    assert done.code == 0, done.err
    facts = {n: dict(zip(NAMES.split(), days.read(f"model/{n}").split(), strict=True)) for n in range(4)}
    assert [(one["REPLICA_INDEX"], one["RANK"], one["WORLD_SIZE"]) for one in facts.values()] == [
        (str(n), str(n), "4") for n in range(4)
    ]
    assert {one["PS_NODES"] for one in facts.values()} == {days.read("ps").strip()}
    assert len(set(facts[0]["WORKER_NODES"].split(","))) == 4
    assert "worker.2 │ Running command" in done.out
    wait_until(lambda: not slurm.queue())


def test_a_replica_that_fails_ends_the_others(days: ProjectDir, slurm: Slurm) -> None:
    days.project(PROJECT + ROLES)
    days.write("ps.sh", "exec sleep 1000\n")
    days.write("worker.sh", "[ $REPLICA_INDEX = 1 ] && exit 7\nexec sleep 1000\n")
    days.write("model/begun")
    done = days.proj("run", "train")
    assert done.code == 7
    assert done.out.count("worker.1 │ Running command") == 2
    wait_until(lambda: not slurm.queue())


def found(path: Path, *values: bytes) -> set[bytes]:
    content = path.read_bytes()
    return {value for value in values if value in content}


def test_a_job_beyond_its_memory_is_said_to_be(days: ProjectDir) -> None:
    script = "python -c 'import time; x = bytearray(700_000_000); time.sleep(60)'"
    days.project(f'{PROJECT}  - name: big\n    script: ["{script}"]\n    resources: {{memory: 300MiB}}\n')
    done = days.proj("run", "big")
    assert done.code == 137
    assert "`big` was ended by the memory limit of 300 MiB" in done.err

"""Resources of steps on this machine: waiting for them, GPUs, limits, requests that cannot be satisfied."""

from __future__ import annotations

import json

import pytest
from harness import ProjectDir, wait_until

GPUS = """\
    commands:
      - {name: a, shell: true, script: ["echo $CUDA_VISIBLE_DEVICES $GPU_COUNT >a"], outputs: [a], resources: {gpus: 1}}
      - {name: b, shell: true, script: ["echo $CUDA_VISIBLE_DEVICES $GPU_COUNT > b"], outputs: [b], resources: {gpu: 2}}
      - {name: c, shell: true, script: ["echo $CUDA_VISIBLE_DEVICES > c"], outputs: [c]}
    workflows: {all: [a, b, c]}
    """


@pytest.mark.parametrize(
    ("words", "env", "seen"),
    [
        (["--gpus", "2"], {}, ["0 1", "0,1 2"]),
        ([], {"PROJ_GPUS": "3"}, ["0 1", "0,1 2"]),
        ([], {"CUDA_VISIBLE_DEVICES": "5,GPU-7a"}, ["5 1", "5,GPU-7a 2"]),
        (["--gpus", "auto"], {"CUDA_VISIBLE_DEVICES": "2, 3,4", "PROJ_GPUS": "1"}, ["2 1", "2,3 2"]),
    ],
)
def test_a_step_gets_its_gpus(project: ProjectDir, words: list[str], env: dict[str, str], seen: list[str]) -> None:
    project.project(GPUS)
    done = project.proj("run", "all", *words, env=env)
    assert done.code == 0, done.err
    assert [project.read("a").strip(), project.read("b").strip()] == seen
    assert project.read("c").strip() == env.get("CUDA_VISIBLE_DEVICES", "")


def test_steps_at_a_time_get_different_gpus_and_no_more_run_than_there_are(project: ProjectDir) -> None:
    steps = "".join(
        f"  - {{name: s{n}, shell: true, script: [sh use.sh s{n}], outputs: [s{n}], resources: {{gpus: 1}}}}\n"
        for n in range(6)
    )
    project.project(f"commands:\n{steps}workflows: {{all: [s0, s1, s2, s3, s4, s5]}}\n")
    project.write(
        "use.sh", 'mkdir "busy-$CUDA_VISIBLE_DEVICES" && sleep 0.1 && rmdir "busy-$CUDA_VISIBLE_DEVICES"; touch $1'
    )
    done = project.proj("run", "all", "-j6", "--gpus", "2")
    assert done.code == 0, done.err
    assert "File exists" not in done.out + done.err


def test_what_is_up_to_date_needs_no_gpu(project: ProjectDir) -> None:
    project.project(GPUS)
    assert project.proj("run", "all", "--gpus", "2").code == 0
    done = project.proj("run", "all", "--gpus", "0")
    assert (done.code, done.err.strip()) == (0, "✔ all up to date (3 steps)")


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ("{gpus: 3}", "3 GPUs, and this machine has 2 GPUs"),
        ("{cpus: 5000}", "5000 cpus, and this machine has "),
        ("{memory: 900TiB}", "900 TiB of memory, and this machine has "),
        ("{disk: 5PB}", "4.4 PiB of disk, and "),
        ("{requests: {cpu: 9999}, limits: {cpu: 99999}}", "9999 cpus, and this machine has "),
    ],
)
def test_a_request_that_cannot_be_satisfied_stops_the_run_before_it_starts(
    project: ProjectDir, resources: str, why: str
) -> None:
    project.project(f"""\
        commands:
          - {{name: first, script: [touch a], outputs: [a]}}
          - {{name: big, script: [touch b], outputs: [b], resources: {resources}}}
        workflows: {{all: [first, big]}}
        """)
    done = project.proj("run", "all", "--gpus", "2")
    assert (done.code, done.err.count("error: ")) == (1, 1)
    assert done.err.startswith(f"error: `big` requests {why}")
    assert not project.exists("a")


def test_a_step_that_turns_out_to_need_too_much_fails_at_its_turn(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: first, script: [cp in a], deps: [in], outputs: [a]}
          - {name: big, script: [cp a b], deps: [a], outputs: [b], resources: {gpus: 1}}
        workflows: {all: [first, big]}
        """)
    project.write("in", "1")
    assert project.proj("run", "all", "--gpus", "1").code == 0
    project.write("in", "2")
    done = project.proj("run", "all", "--gpus", "0")
    assert done.code == 1
    assert "`big` requests 1 GPU, and this machine has no GPUs" in done.err
    assert project.read("a") == "2" and project.read("b") == "1"


def test_a_step_waits_no_longer_for_resources_than_its_queue_timeout(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, shell: true, script: [sh wait.sh a, touch a], outputs: [a], resources: {gpus: 1}}
          - {name: b, script: [touch b], outputs: [b], resources: {gpus: 1}, queue_timeout: 100ms}
          - {name: c, script: [touch c], deps: [b], outputs: [c]}
        workflows: {all: [a, b, c]}
        """)
    project.write_wait()
    running = project.start("run", "all", "-j3", "-k", "--json", "--gpus", "1")
    project.wait_for("a")
    wait_until(lambda: "`b` waited 0.1 s for its resources" in running.err)
    project.let_go("a")
    done = running.wait()
    assert done.code == 1
    results = {row["step"]: row["result"] for row in json.loads(done.out)["steps"]}
    assert results == {"a": "ran", "b": "failed", "c": "blocked"}


def test_a_limit_of_memory_ends_the_step_or_is_reported_as_not_enforced(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: m, script: ['python -c "bytearray(400_000_000)"', touch m], outputs: [m], resources: {memory: 64MiB}}
        """)
    done = project.proj("run", "m")
    if done.code == 0:
        assert "warning: the memory limit of `m` is not enforced here" in done.err
    else:
        assert "✘ `m`, line 1 was ended by the memory limit of 64 MiB\n  hint: raise `memory`" in done.err


def test_resources_are_not_part_of_the_key(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a], resources: {cpus: 1}}]")
    assert project.proj("run", "a").code == 0
    project.project("commands: [{name: a, script: [touch a], outputs: [a], resources: {cpus: 0.5, memory: 1GiB}}]")
    assert "all up to date" in project.proj("run", "a").err


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        ("{cpus: many}", "2:52: error: `cpus` must be an amount, not `many`\n  hint: for example `4`, `0.5` or `500m`"),
        ("{memory: 8 apples}", "2:54: error: `memory` must be an amount, not `8 apples`"),
        ("{gpus: 1.5}", "error: `gpus` must be a whole number or text, not `1.5`"),
        ("{cpus: -1}", "error: `cpus` must not be negative: `-1`"),
        ("{memory: 8GiB, ram: 1}", "error: unknown key `ram`"),
        ("{cpu: 1, cpus: 2}", "error: `cpu` and `cpus` are the same"),
        ("{cpus: 9}", "error: `cpus` of 9 exceeds the limit under `defaults` of 8"),
        ("{requests: {memory: 2GiB}, limits: {memory: 1GiB}}", "`memory` of 2 GiB exceeds its limit of 1 GiB"),
    ],
)
def test_a_mistake_is_reported_with_its_place(project: ProjectDir, resources: str, problem: str) -> None:
    project.project(f"""\
        commands:
          - {{name: a, script: [touch a], resources: {resources}}}
        defaults: {{resources: {{cpus: 8, memory: 32GiB}}}}
        """)
    done = project.proj("validate")
    assert done.code == 2
    assert problem in done.out + done.err


def test_the_number_of_gpus_must_be_one(project: ProjectDir) -> None:
    project.project(GPUS)
    for words, env in ((["--gpus", "x"], {}), (["--gpus", "-1"], {}), ([], {"PROJ_GPUS": "1.5"})):
        done = project.proj("run", "a", *words, env=env)
        assert (done.code, "is not a valid number of GPUs" in done.err) == (2, True)
    assert (
        "CUDA_VISIBLE_DEVICES allows 1 GPUs, not 2"
        in project.proj("run", "a", "--gpus", "2", env={"CUDA_VISIBLE_DEVICES": "3"}).err
    )

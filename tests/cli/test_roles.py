"""Steps with roles on this machine: what replicas get, how they end, what the user sees of them."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from harness import ProjectDir, wait_until

TRAIN = """\
    vars: {steps: 3}
    commands:
      - name: train
        env: {MODE: fast}
        outputs: [out]
        shell: true
        roles:
          ps:
            port: 2222
            keep_alive: true
            script: ["env > ps.env; exec sleep 1000"]
          worker:
            replicas: 4
            port: 2222
            resources: {gpus: 1}
            env: {OWN: "for ${vars.steps}"}
            script:
              - env > worker.$REPLICA_INDEX.env; until [ -e ps.env ]; do sleep 0.01; done
              - echo "worker $REPLICA_INDEX of $WORLD_SIZE"; [ $RANK != 0 ] || echo done > out
    """
RESTARTS = "restarts: 2\n            replicas: 4"
OUTER = {"PYTHONPATH": "/somewhere/lib"}


def variables(project: ProjectDir, name: str) -> dict[str, str]:
    lines = project.read(name).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_a_parameter_server_and_four_workers_get_every_variable(project: ProjectDir) -> None:
    project.project(TRAIN)
    done = project.proj("run", "train", "--gpus", "4", env=OUTER)
    assert done.code == 0, done.err
    ps = variables(project, "ps.env")
    workers = [variables(project, f"worker.{n}.env") for n in range(4)]
    nodes = ps["WORKER_NODES"].split(",")
    assert len(set(nodes)) == 4 and all(re.fullmatch(r"127\.0\.0\.1:[0-9]+", node) for node in nodes)
    run = json.loads(project.proj("log", "train", "--json").out)[0]["run"]
    for index, found in enumerate([ps, *workers]):
        number = max(index - 1, 0)
        role = "ps" if found is ps else "worker"
        assert found["REPLICA_INDEX"] == str(number)
        assert (found["PS_NODES"], found["WORKER_NODES"]) == (ps["PS_NODES"], ",".join(nodes))
        assert (found["TASK_NAME"], found["PROJECT_NAME"]) == ("train", project.path.name)
        assert (found["BUILD_ID"], found["MODE"]) == (str(run), "fast")
        assert found["PYTHONPATH"] == OUTER["PYTHONPATH"]
        assert found["GPU_COUNT"] == ("0" if found is ps else "1")
        assert found["LOCAL_RANK"] == "0"
        assert (found["RANK"], found["WORLD_SIZE"]) == (("0", "1") if found is ps else (str(number), "4"))
        assert f"{found['MASTER_ADDR']}:{found['MASTER_PORT']}" == (ps["PS_NODES"] if found is ps else nodes[0])
        cluster = {"ps": [ps["PS_NODES"]], "worker": nodes}
        assert json.loads(found["TF_CONFIG"]) == {"cluster": cluster, "task": {"type": role, "index": number}}
    assert [worker["CUDA_VISIBLE_DEVICES"] for worker in workers] == ["0", "1", "2", "3"]
    assert [worker["OWN"] for worker in workers] == ["for 3"] * 4
    assert (ps["CUDA_VISIBLE_DEVICES"], "OWN" in ps) == ("", False)
    assert project.proj("run", "train", "--gpus", "0").err.strip() == "✔ all up to date (1 step)"


def test_each_replica_has_a_log_and_a_name_in_front_of_its_lines(project: ProjectDir) -> None:
    project.project(TRAIN)
    done = project.proj("run", "train", "--gpus", "4")
    for number in range(4):
        assert f"worker.{number} │ worker {number} of 4\n" in done.out
    assert "ps.0 │ Running command: env > ps.env; exec sleep 1000\n" in done.out
    one = project.proj("log", "train", "--role", "worker", "--replica", "2")
    assert one.out.splitlines()[-1] == "worker 2 of 4"
    assert all(line.startswith(("Running command: ", "worker 2")) for line in one.out.splitlines())
    role = project.proj("log", "train", "--role", "worker", "-f").out.splitlines()
    assert [line.partition(" │ ")[0] for line in role] == [f"worker.{n}" for n in range(4) for _ in range(3)]
    assert "worker.3 │ worker 3 of 4" in project.proj("log", "-v", "train").out
    for words, message in (
        (("--role", "wrker"), "no role named `wrker`"),
        (("--role", "ps", "--replica", "1"), "no replica of `ps` named `1`"),
        (("--replica", "1"), "`--replica` needs `--role`"),
    ):
        failed = project.proj("log", "train", *words)
        assert (failed.code, failed.err.splitlines()[0]) == (2, f"error: {message}")


def test_the_record_and_every_report_show_the_lines_of_all_roles(project: ProjectDir) -> None:
    project.project(TRAIN)
    dry = project.proj("run", "train", "-n").out
    assert "Would run: [ps × 1] env > ps.env; exec sleep 1000\n" in dry
    assert project.proj("run", "train", "--gpus", "4").code == 0
    assert "[ps × 1] env > ps.env; exec sleep 1000" in project.read("project.lock")
    project.project(TRAIN.replace("exec sleep 1000", "exec sleep 2000"))
    assert "script changed: line 1" in project.proj("status").out
    why = project.proj("why", "train").out
    assert "`sleep 1000` → `sleep 2000`" in why and "project.yml:11:" in why
    assert "+[ps × 1] env > ps.env; exec sleep 2000" in project.proj("diff", "train").out.replace("+ ", "+")
    project.project(TRAIN.replace("steps: 3", "steps: 4"))
    assert "worker:OWN" in project.proj("status").out
    assert "no script" not in project.proj("validate").err


def test_the_shell_completes_roles(project: ProjectDir) -> None:
    project.project(TRAIN)
    found = project.proj("--complete", "zsh", "log", "train", "--role", "").out
    assert found.splitlines() == ["ps\tin `train`", "worker\tin `train`"]


def test_a_limit_of_memory_is_that_of_the_replica(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: train
            roles:
              lean: {script: [sleep 2]}
              hungry: {resources: {memory: 100MiB}, script: ["python -c 'len(bytearray(300 << 20))'"]}
        """)
    done = project.proj("run", "train")
    if "is not enforced here" not in done.err:
        assert done.code != 0
        assert "`train`, replica hungry.0 was ended by the memory limit of 100 MiB" in done.err


def test_ports_restarts_and_resources_are_not_part_of_the_key(project: ProjectDir) -> None:
    project.project(TRAIN)
    assert project.proj("run", "train", "--gpus", "4").code == 0
    changed = TRAIN.replace("2222", "3333").replace("{gpus: 1}", "{cpus: 0.1}").replace("replicas: 4", RESTARTS)
    project.project(changed)
    assert project.proj("run", "train").err.strip() == "✔ all up to date (1 step)"
    more = ("--set", "roles.worker.replicas=8")
    assert "worker × 8" in project.proj("run", "train", "-n", *more).out
    assert "script changed" in project.proj("status", "train", *more).out
    assert "script changed" in project.proj("why", "train", *more).out
    assert "+ [worker × 8]" in project.proj("diff", "train", *more).out
    assert "of which command?" in project.proj("status", *more).err


def test_a_failure_names_the_replica_and_its_log(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: train
            shell: true
            roles:
              ps: {script: [exec sleep 1000], keep_alive: true}
              worker:
                replicas: 2
                restarts: 1
                script: ['true', 'echo lost; test $REPLICA_INDEX = 0 || exit 7; exec sleep 1000']
        """)
    done = project.proj("run", "train")
    assert done.code == 7
    message = "`train`, replica worker.1, line 2 failed with exit code 7 after 1 restart"
    assert message in done.err
    assert "`proj log train --role worker --replica 1` shows its output" in done.err
    assert project.proj("log", "train", "--role", "worker", "--replica", "1").out.count("lost\n") == 2
    assert message in project.proj("log", "-v", "train").out


def test_no_secret_reaches_the_log_of_a_replica(project: ProjectDir) -> None:
    project.project("""\
        env: {API_TOKEN: MY_API_TOKEN}
        commands:
          - name: train
            shell: true
            replicas: 2
            env: {MY_TOKEN: "${env.API_TOKEN}"}
            script: ['printf "it is hush-"; sleep 0.05; echo "hush, $MY_TOKEN"']
        """)
    done = project.proj("run", "train", env={"MY_API_TOKEN": "hush-hush"})
    assert done.code == 0, done.err
    logs = list((project.path / ".proj/logs").rglob("*.log"))
    assert len(logs) == 3
    assert not any(b"hush-hush" in path.read_bytes() for path in logs)
    assert "hush-hush" not in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--", "--more"), "`train` has roles, none of which could take the arguments after `--`"),
        (("train", "--set", "roles.wrker.replicas=2"), "`roles.wrker.replicas`: `train` has no role `wrker`"),
        (
            ("train", "--set", "roles.worker.replicas=two"),
            "`roles.worker.replicas` must be a whole number from 1 on, not `two`",
        ),
        (("train", "--set", "resources.memory=lots"), "`resources.memory` must be an amount, not `lots`"),
        (("train", "--set", "resources.memry=1GiB"), "`resources.memry` cannot be set"),
        (("train", "--set", "script=x"), "`script` cannot be set"),
        (("train", "--set", "train.env.A=x"), "`env.A` cannot be set"),
        (("train", "--set", "vars.lr=1"), "`vars.lr` is not changed with `--set`"),
        (("train", "--set", "env.TOKEN=x"), "`env.TOKEN` is not changed with `--set`"),
        (("train", "--set", "resources.memory"), "`--set resources.memory` has no value"),
        (("train", "other", "--set", "resources.memory=1GiB"), "`resources.memory` of which command?"),
        (("all", "--set", "resources.memory=1GiB"), "`resources.memory` of which command of `all`?"),
    ],
)
def test_what_cannot_be_set_or_passed_on_is_an_error(project: ProjectDir, words: tuple[str, ...], message: str) -> None:
    project.project(
        TRAIN + "  - {name: other, script: [touch x], outputs: [x]}\n    workflows: {all: [train, other]}\n"
    )
    for more in ((), ("-n",)):
        done = project.proj("run", *words[:1], *more, *words[1:])
        assert (done.code, done.err.splitlines()[0]) == (2, f"error: {message}")
    assert not project.exists("ps.env")


def test_a_run_may_change_resources_and_replicas(project: ProjectDir) -> None:
    project.project(TRAIN + "  - {name: other, resources: {gpu: 1}, script: [touch x], outputs: [x]}\n")
    done = project.proj(
        "run", "train", "--gpus", "1", "--set", "roles.worker.resources.gpus=1", "--set", "roles.worker.replicas=2"
    )
    assert done.err.startswith("error: `train` requests 2 GPUs, and this machine has 1 GPU\n")
    done = project.proj("run", "train", "--gpus", "2", "--set", "roles.worker.replicas=2")
    assert (done.code, "worker 1 of 2" in done.out, "worker 2" in done.out) == (0, True, False)
    done = project.proj("run", "train", "other", "--gpus", "4", "--set", "other.resources.gpus=5")
    assert done.err.startswith("error: `other` requests 5 GPUs, and this machine has 4 GPUs\n")


def test_roles_and_interactive_exclude_each_other(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: train, replicas: 2, interactive: true, script: ["true"]}
        """)
    done = project.proj("run", "train")
    assert (done.code, "project.yml:2:32: error: `interactive` and roles exclude each other" in done.err) == (2, True)


def test_ctrl_c_ends_all_replicas(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: train
            shell: true
            roles:
              ps: {keep_alive: true, script: ['echo $$ > ps.pid; exec sleep 1000']}
              worker: {replicas: 3, script: ['echo $$ > $REPLICA_INDEX.pid; exec sleep 1000']}
        """)
    running = project.start("run", "train")
    pids = [Path(project.path, f"{name}.pid") for name in ("ps", 0, 1, 2)]
    wait_until(lambda: all(path.exists() and path.read_text().strip() for path in pids))
    following = project.start("log", "train", "--role", "worker", "--follow")
    wait_until(lambda: "worker.2 │ Running command: " in following.out)
    os.kill(running.pid, signal.SIGINT)
    done = running.wait()
    assert done.code == 130
    assert "`train`, replica " in done.err and " was interrupted" in done.err
    assert not any(os.path.exists(f"/proc/{path.read_text().strip()}") for path in pids)
    assert following.wait().code == 0
    assert "interrupted" in project.proj("status").out


@pytest.mark.parametrize("jobs", ["auto", "9"])
def test_steps_on_two_cores_with_two_gpus_never_use_more(project: ProjectDir, jobs: str) -> None:
    cores = {f"s{n}": (0.5, 1, 2)[n % 3] for n in range(8)}
    steps = "".join(
        f"  - {{name: {name}, shell: true, outputs: [{name}.out], script: [sh use.sh {name}], "
        f"resources: {{cpus: {count}, memory: 1MiB, gpus: {n % 2}}}}}\n"
        for n, (name, count) in enumerate(cores.items())
    )
    team = """\
  - name: team
    shell: true
    outputs: [team.out]
    roles:
      ps: {script: [sh use.sh ps], resources: {cpus: 0.5}}
      worker: {replicas: 2, script: [sh use.sh team], resources: {cpus: 0.5, gpus: 1}}
"""
    project.project(f"commands:\n{steps}{team}workflows: {{all: [{', '.join([*cores, 'team'])}]}}\n")
    line = 'flock 9; echo "{} $1 $CUDA_VISIBLE_DEVICES" >> uses; flock -u 9'
    project.write("use.sh", f"exec 9>>lock\n{line.format('+')}\nsleep 0.05; touch $1.out\n{line.format('-')}\n")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        done = project.proj("run", "all", "-j", jobs, "--gpus", "2")
    finally:
        os.sched_setaffinity(0, before)
    assert done.code == 0, done.err
    assert not excesses(project.read("uses"), {**cores, "ps": 0.5, "team": 0.5})
    assert project.read("uses").count("+ team") == 2


def excesses(uses: str, cores: dict[str, float]) -> list[list[list[str]]]:
    """Return which scripts ran at a time with the same device, or with more than two cores together."""
    found, running = [], list[list[str]]()
    for sign, *entry in map(str.split, uses.splitlines()):
        if sign == "-":
            running.remove(entry)
            continue
        running.append(entry)
        devices = [device for _, *named in running for device in named]
        if len(devices) != len({*devices}) or sum(cores[name] for name, *_ in running) > 2:
            found.append(list(running))
    return found

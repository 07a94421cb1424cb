"""Roles where the project is not: what the replicas wrote becomes what a shared directory would hold."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from harness import ProjectDir, is_alive, wait_until

from .samples import below, run

TRAIN = """\
    import os, sys
    role, index = sys.argv[1], os.environ["REPLICA_INDEX"]
    os.makedirs("model/shards", exist_ok=True)
    open(f"model/shards/{role}-{index}", "w").write(open("data").read() + os.environ["RANK"])
    open("model/same", "w").write("the same bytes")
    if (role, index) == ("worker", "0"):
        os.symlink("shards", "model/link")
        open("notes", "w").write(os.environ["WORKER_NODES"].split(":")[0])
        open("scores.json", "w").write('{"loss": 0.5}')
    print("wrote", role, index)
    """
ROLES = """\
    remotes: {{team: {remote}}}
    executors: {{away: {{type: directory, remote: team}}}}
    commands:
      - name: train
        deps: [train.py, data]
        outputs: [model]
        outputs_no_cache: [notes]
        metrics: [scores.json]
        timeout: 60s
        roles:
          worker: {{replicas: 2, port: 2222, script: [python train.py worker]}}
          chief: {{script: ['python train.py chief']}}
          board: {{keep_alive: true, script: [sleep 1000]}}
    """


@pytest.fixture
def trained(project: ProjectDir, remote: Path) -> ProjectDir:
    """Make a project whose step was run by replicas without its files."""
    write(project, remote)
    project.write("model/old", "of an earlier run")
    done = project.proj("run", "train", "--executor", "away")
    assert done.code == 0, done.err
    assert "worker.1 │ wrote worker 1\n" in done.out
    assert "proj exec" not in done.out + done.err
    return project


def write(project: ProjectDir, remote: Path) -> None:
    project.project(ROLES.format(remote=remote))
    project.write("train.py", TRAIN)
    project.write("data", "data ")


def outputs(project: ProjectDir, *paths: str) -> dict[str, bytes | None]:
    return {path: data for path, data in project.files().items() if path.startswith(paths or ("model", "notes"))}


def test_the_parts_of_all_replicas_become_the_outputs_of_a_local_run(trained: ProjectDir, remote: Path) -> None:
    away, lock = outputs(trained), trained.lock()
    assert away == {
        "model": None,
        "model/link": b"-> shards",
        "model/same": b"the same bytes",
        "model/shards": None,
        "model/shards/chief-0": b"data 2",
        "model/shards/worker-0": b"data 0",
        "model/shards/worker-1": b"data 1",
        "notes": b"127.0.0.1",
    }
    assert below(remote, ".proj/jobs") == []
    assert run(trained, "train") == {"train": "up to date"}
    (trained.path / "model/link").unlink()
    assert run(trained, "train") == {"train": "ran"}
    assert outputs(trained) == away
    assert trained.lock()["train"] == lock["train"]
    assert run(trained, "train", "--executor", "isolated") == {"train": "up to date"}


def test_a_result_is_a_hit_for_others(trained: ProjectDir, remote: Path) -> None:
    other = trained.beside("colleague")
    write(other, remote)
    assert other.proj("pull", "team").code == 0
    assert outputs(other, "model") == outputs(trained, "model")
    record = json.loads(next((remote / ".proj/runs").glob("*/*.json")).read_text())
    assert (record["executor"], record["metrics"]) == ("away", {"scores.json": {"loss": 0.5}})


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "mkdir model; echo $REPLICA_INDEX > model/x",
            "`model/x` was written by `w.0` and by `w.1` with different content",
        ),
        (
            "mkdir -p model/x && rmdir model/x; test $REPLICA_INDEX = 0 && mkdir model/x || touch model/x",
            "`model/x` was",
        ),
        ("test $REPLICA_INDEX = 0 && mkdir model || touch model", "`model` was written by `w.0` and by `w.1`"),
        ("true", "`a` ended without an error, but did not produce its output `model`"),
        ("cat settings", "only declared deps exist on `isolated`: list `settings` under `deps`"),
        ("mkdir model; exit $((7 * REPLICA_INDEX))", "`a`, replica w.1 failed with exit code 7"),
        ("no-such-program", "replica w."),
    ],
)
def test_what_cannot_become_a_result_changes_nothing(project: ProjectDir, script: str, message: str) -> None:
    project.write("settings")
    project.write("model/x", "old")
    project.project(
        f"commands: [{{name: a, shell: true, outputs: [model], roles: {{w: {{replicas: 2, script: ['{script}']}}}}}}]"
    )
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code
    assert message in done.err
    assert (project.read("model/x"), project.locked()) == ("old", [])
    assert below(project.path / ".proj/isolated", ".proj") == []
    assert not [path for path in project.files() if ".proj-new" in path]


def test_a_replica_that_fails_is_started_again_in_an_empty_directory(project: ProjectDir) -> None:
    project.project(f"""\
        commands:
          - name: a
            outputs: [out]
            shell: true
            roles:
              w: {{restarts: 1, script: ['test ! -e out; touch out; mkdir {project.path}/once || exit 0; exit 3']}}
              helper: {{keep_alive: true, script: ['echo lost > out; sleep 1000']}}
        """)
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code == 0, done.err
    assert "w.0 │ Restart 1 of 1 after exit code 3\n" in done.out
    assert project.read("out") == ""  # what the role that was ended wrote is lost


def test_each_role_has_its_own_secrets(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{team: {remote}}}
        executors: {{default: away, away: {{type: directory, remote: team}}}}
        env: {{token: MY_TOKEN}}
        commands:
          - name: a
            shell: true
            env: {{API_KEY: of-all, OWN: "${{env.token}}"}}
            outputs: [a, b]
            roles:
              a:
                env: {{API_KEY: of-a, A_KEY: of-a-too}}
                script: ['cp -r {remote}/.proj/jobs a; echo "$API_KEY $A_KEY" > a/env']
              b: {{env: {{PLAIN: "x ${{env.token}}"}}, script: ['echo "$API_KEY $OWN $PLAIN $A_KEY" > b']}}
        """)
    done = project.proj("run", "a", env={"MY_TOKEN": "sesame-open"})
    assert done.code == 0, done.err
    assert project.read("a/env") == "of-a of-a-too\n"
    assert project.read("b") == "of-all sesame-open x sesame-open \n"
    document = next((project.path / "a").glob("*.json")).read_text()
    assert not [one for one in ("sesame-open", "of-a", "of-a-too", "of-all") if f'"{one}' in document]


@pytest.fixture
def waiting(project: ProjectDir, remote: Path) -> ProjectDir:
    project.project(f"""\
        executors: {{away: {{type: directory, remote: team}}}}
        remotes: {{team: {remote}}}
        commands:
          - name: a
            outputs: [out]
            roles:
              w: {{replicas: 2, script: ['sh -c "sh {project.path}/wait.sh {project.path}/$REPLICA_INDEX"', touch out]}}
        """)
    project.write_wait()
    return project


def test_ctrl_c_ends_all_replicas_and_publishes_nothing(waiting: ProjectDir, remote: Path) -> None:
    running = waiting.start("run", "a", "--executor", "away")
    scripts = [waiting.wait_for("0"), waiting.wait_for("1")]
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not [script for script in scripts if is_alive(script)]
    assert below(remote, ".proj/runs") == []


def test_roles_of_a_killed_proj_are_ended_and_run_anew(waiting: ProjectDir, remote: Path) -> None:
    first = waiting.start("run", "a", "--executor", "away")
    scripts = [waiting.wait_for("0"), waiting.wait_for("1")]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    waiting.remove("0.running")
    waiting.remove("1.running")
    second = waiting.start("run", "a", "--executor", "away")
    again = [waiting.wait_for("0"), waiting.wait_for("1")]
    assert not set(again) & set(scripts)
    wait_until(lambda: not [script for script in scripts if is_alive(script)], "the end of the first replicas")
    waiting.let_go("0")
    waiting.let_go("1")
    done = second.wait()
    assert done.code == 0, done.err
    assert len(below(remote, ".proj/runs")) == 1
    assert below(remote, ".proj/jobs") == []

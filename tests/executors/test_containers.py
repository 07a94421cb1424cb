"""Steps in real containers, through the command line."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from engines import Engine
from engines.images import image_id
from harness import ProjectDir, wait_until

pytestmark = pytest.mark.servers


class Box(NamedTuple):
    """A project directory beside an engine."""

    project: ProjectDir
    type: str
    engine: Engine

    def write(self, commands: str, executor: str = "image: localhost/bb:1") -> None:
        self.project.project(
            f"executors:\n  box: {{type: {self.type}, {executor}, options: ['--network=none']}}\ncommands:\n{commands}"
        )

    def ask(self, *words: str) -> str:
        done = subprocess.run(
            [self.type, *words], env=self.project.environ, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def containers(self) -> list[str]:
        return self.ask("ps", "--all", "--format={{.Names}}", f"--filter=label=proj.root={self.project.path}").split()


@pytest.fixture(params=["docker", "podman"])
def box(request: pytest.FixtureRequest, project: ProjectDir) -> Box:
    engine: Engine = request.getfixturevalue(request.param)
    project.environ.update(engine.environ)
    return Box(project, request.param, engine)


@pytest.fixture
def docker_box(docker: Engine, project: ProjectDir) -> Box:
    project.environ.update(docker.environ)
    return Box(project, "docker", docker)


GREET = """\
  - name: greet
    env: {WHO: it's "me", API_TOKEN: s3cr3t}
    script: [cp in out, "sh -c 'echo $WHO >> out; id -u; pwd; echo $API_TOKEN'"]
    deps: [in]
    outputs: [out]
"""
WAIT = """\
  - name: train
    executor: box
    env: {API_TOKEN: s3cr3t}
    script: ["sh -c 'echo ran >> ran; echo $API_TOKEN; until [ -e go ]; do sleep 0.05; done; cat in > out'"]
    deps: [in]
    outputs: [out]
"""


def test_a_step_runs_in_a_container_and_its_record_serves_every_executor(box: Box) -> None:
    box.write(GREET)
    box.project.write("in", "hello\n")
    done = box.project.proj("run", "greet", "--executor", "box")
    assert done.code == 0, done.err
    assert box.project.read("out") == 'hello\nit\'s "me"\n'
    assert (box.project.path / "out").stat().st_uid == os.getuid()
    assert done.out.splitlines()[-3:] == [str(os.getuid()), str(box.project.path), "***"]
    again = box.project.proj("run", "greet")  # locally
    assert "up to date" in again.err + again.out
    runs = (box.project.path / ".proj/runs").rglob("*.jsonl")
    assert image_id("bb:1") in "".join(path.read_text() for path in runs)
    assert box.containers() == []


def test_a_run_waits_for_the_container_of_a_killed_one_and_records_its_result(box: Box) -> None:
    project = box.project
    box.write(WAIT)
    project.write("in", "data\n")
    killed = project.start("run", "train")
    wait_until(lambda: project.exists("ran"))
    killed.signal(signal.SIGKILL)
    killed.wait()
    (left,) = project.proj("ps", "--json").json
    assert (left["step"], left["executor"], left["state"], left["pid"]) == ("train", "box", "running", None)
    next_run = project.start("run", "train")
    wait_until(lambda: "waits for its job from an earlier run" in next_run.err)
    project.write("go")
    done = next_run.wait()
    assert done.code == 0, done.err
    assert "***" in done.out  # the output from the beginning
    assert project.read("ran") == "ran\n"
    assert "up to date" in project.proj("run", "train").err
    assert box.containers() == []


def test_a_container_of_a_killed_run_with_other_inputs_is_ended(box: Box) -> None:
    project = box.project
    box.write(WAIT)
    project.write("in", "old\n")
    killed = project.start("run", "train")
    wait_until(lambda: project.exists("ran"))
    killed.signal(signal.SIGKILL)
    killed.wait()
    project.write("in", "new\n")
    project.write("in", "old\n")
    next_run = project.start("run", "train")
    wait_until(lambda: project.read("ran") == "ran\nran\n")
    assert len(box.containers()) == 1
    project.write("go")
    assert next_run.wait().code == 0


def test_ctrl_c_ends_the_container_and_no_secret_can_be_seen_from_outside(box: Box) -> None:
    project = box.project
    box.write(WAIT)
    project.write("in", "data\n")
    running = project.start("run", "train")
    wait_until(lambda: project.exists("ran"))
    (name,) = box.containers()
    shown = box.ask("inspect", name)
    shown += "".join(_command_line(name) for name in filter(str.isdigit, os.listdir("/proc")))
    assert "API_TOKEN" in shown  # in the script
    assert "s3cr3t" not in shown
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.code == 130
    assert "interrupted" in done.err
    assert box.containers() == []
    assert not Path(f"/dev/shm/proj-{os.getuid()}", name).exists()


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""


def test_a_step_can_be_stopped_by_name_and_a_lost_container_removed(box: Box) -> None:
    project = box.project
    box.write(WAIT)
    project.write("in", "data\n")
    running = project.start("run", "train")
    wait_until(lambda: project.exists("ran"))
    assert project.proj("executor", "clean", "box").err == "nothing of this project is left on `box`\n"
    assert "train stopped on box" in project.proj("stop", "train").err
    done = running.wait()
    assert done.code == 137, done.err
    project.remove("ran")
    lost = project.start("run", "train")
    wait_until(lambda: project.exists("ran"))
    lost.signal(signal.SIGKILL)
    lost.wait()
    assert [one["step"] for one in project.proj("executor", "clean", "box", "--json").json] == ["train"]
    assert box.containers() == []
    assert project.proj("ps").err == "no step runs\n"


def test_limits_are_enforced_and_named(box: Box) -> None:
    box.write("""\
  - name: big
    resources: {memory: 20MiB}
    script: ["sh -c 'head -c 100m /dev/zero | tail'"]
  - name: long
    timeout: 0.1
    script: [sleep 1000]
""")
    done = box.project.proj("run", "big", "--executor", "box")
    assert done.code == 137
    assert "`big` was ended by the memory limit of 20 MiB" in done.err
    done = box.project.proj("run", "long", "--executor", "box")
    assert done.code == 124
    assert "after its timeout of 0.1 s" in done.err


def test_the_memory_limit_is_named_if_the_shell_in_the_container_ends_too(box: Box) -> None:
    """While a process that the limit ended still holds its memory, the kernel may end others."""
    box.write("""\
  - name: big
    resources: {memory: 20MiB}
    script: ["sh -c 'head -c 100m /dev/zero | tail; sleep 0.2; kill -9 $PPID'"]
""")
    done = box.project.proj("run", "big", "--executor", "box")
    assert done.code == 137
    assert "`big` was ended by the memory limit of 20 MiB" in done.err


def test_the_image_is_part_of_the_key(box: Box) -> None:
    project = box.project
    name = f"localhost/moving-{project.path.parent.name.lower()}:1"
    box.ask("tag", "localhost/bb:1", name)
    box.write(f"""\
  - name: look
    executor: box
    image: {name}
    script: ["cp /etc/image-version out"]
    outputs: [out]
""")
    assert project.proj("run", "look").code == 0
    assert project.read("out") == "bb:1"
    assert "up to date" in project.proj("status").out
    box.ask("tag", "localhost/bb:2", name)
    assert "environment changed: image" in project.proj("status").out
    assert project.proj("run", "look").code == 0
    assert project.read("out") == "bb:2"
    down = {"DOCKER_HOST": "unix:///nowhere", "PATH": "/nowhere" if box.type == "podman" else os.environ["PATH"]}
    status = project.proj("status", env=down)
    assert "up to date" in status.out
    assert f"the image `{name}` counts as that of the last run: " in status.err
    assert project.proj("run", "look", env=down).code == 1


def test_a_tag_that_moves_during_a_run_does_not_change_what_runs(box: Box) -> None:
    project = box.project
    name = f"localhost/moved-{project.path.parent.name.lower()}:1"
    box.ask("tag", "localhost/bb:1", name)
    box.write(f"""\
  - {{name: first, executor: box, image: "{name}", script: [touch a], outputs: [a]}}
  - {{name: retag, script: ["{box.type} tag localhost/bb:2 {name}", touch b], deps: [a], outputs: [b]}}
  - {{name: look, executor: box, image: "{name}", script: [cp /etc/image-version out], deps: [b], outputs: [out]}}
""")
    done = project.proj("run", "look")
    assert done.code == 0, done.err
    assert project.read("out") == "bb:1"
    assert "environment changed: image" in project.proj("status").out


def test_an_image_that_is_gone_when_its_step_starts_is_not_replaced(docker_box: Box) -> None:
    project = docker_box.project
    name = f"localhost/gone-{project.path.parent.name.lower()}:1"
    container = docker_box.ask("create", "localhost/bb:1", "true").strip()
    image = docker_box.ask("commit", container, name).strip()
    docker_box.ask("rm", container)
    docker_box.write(f"""\
  - {{name: first, executor: box, image: "{name}", script: [touch a], outputs: [a]}}
  - name: change
    script: [docker tag localhost/bb:2 {name}, docker rmi --force {image}, touch b]
    deps: [a]
    outputs: [b]
  - {{name: look, executor: box, image: "{name}", script: [touch out], deps: [b], outputs: [out]}}
""")
    done = project.proj("run", "look")
    assert done.code == 1
    assert f"`look`: the image `{name}` was replaced while `proj` ran, and the old one is gone" in done.err
    assert project.locked() == ["first", "change"]


def test_an_unknown_image_and_an_engine_that_is_down_say_so(docker_box: Box) -> None:
    docker_box.write("  - {name: a, script: ['true']}\n", "image: localhost/nowhere:1")
    done = docker_box.project.proj("run", "a", "--executor", "box")
    assert done.code == 1
    assert "executor `box`: the image `localhost/nowhere:1` cannot be pulled: " in done.err
    down = docker_box.project.proj("run", "a", "--executor", "box", env={"DOCKER_HOST": "unix:///nowhere"})
    assert down.code == 1
    assert "executor `box`: docker is not reachable: " in down.err
    assert "interrupted" not in down.err
    missing = docker_box.project.proj("executor", "test", "box", env={"PATH": "/nowhere"})
    assert missing.code == 1
    assert "`docker` was not found on PATH" in missing.err
    docker_box.project.project(
        "executors: {box: {type: docker, image: 'localhost/bb:1', options: [--bogus]}}\n"
        "commands: [{name: a, script: ['true']}]\n"
    )
    bogus = docker_box.project.proj("run", "a", "--executor", "box")
    assert "executor `box`: docker could not create a container: unknown flag: --bogus" in bogus.err
    docker_box.project.project("executors: {box: {type: docker}}\ncommands: [{name: a, script: ['true']}]\n")
    refused = docker_box.project.proj("run", "a", "--executor", "box")
    assert "error: `a` needs an image to run on `box`" in refused.err


def test_a_shell_has_the_image_environment_and_directory_of_the_step(docker_box: Box) -> None:
    docker_box.write(GREET)
    docker_box.project.write("in", "hello\n")
    lines = "cat /etc/image-version; echo; echo $API_TOKEN; pwd; exit 3\n"
    done = docker_box.project.process("shell", "greet", "--executor", "box", stdin=lines)
    assert (done.code, done.out.split()) == (3, ["bb:1", "s3cr3t", str(docker_box.project.path)])
    local = docker_box.project.process("shell", "greet", stdin="echo $API_TOKEN; exit 4\n")
    assert (local.code, local.out) == (4, "s3cr3t\n")


def test_roles_run_in_containers_that_reach_each_other(box: Box) -> None:
    project = box.project
    project.project(f"""\
executors: {{box: {{type: {box.type}, image: "localhost/bb:1"}}}}
commands:
  - name: train
    executor: box
    roles:
      ps: {{replicas: 1, port: 2222, keep_alive: true, script: [sh serve.sh]}}
      worker: {{replicas: 2, port: 2223, script: [sh work.sh]}}
    outputs: [got.0, got.1]
  - name: bad
    executor: box
    roles:
      a: {{replicas: 1, script: [sleep 1000]}}
      b: {{replicas: 1, restarts: 1, script: ["sh -c 'echo b >> tried; exit 3'"]}}
""")
    project.write("serve.sh", "while :; do echo hello | nc -l -p ${PS_NODES##*:}; done\n")
    project.write(
        "work.sh",
        """\
        until [ -s got.$REPLICA_INDEX ]; do
          nc ${PS_NODES%:*} ${PS_NODES##*:} < /dev/null > got.$REPLICA_INDEX 2> /dev/null || sleep 0.05
        done
        echo rank $RANK of $WORLD_SIZE
        """,
    )
    done = project.proj("run", "train")
    assert done.code == 0, done.err
    assert (project.read("got.0"), project.read("got.1")) == ("hello\n", "hello\n")
    assert "worker.1 │ rank 1 of 2" in done.out
    assert project.proj("run", "bad").code == 3
    assert project.read("tried") == "b\nb\n"
    assert box.containers() == []

"""Bad days of steps in containers: an engine that dies, a monitor that dies, memory that is full."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import Engine
from engines.dockerd import dockerd, restart
from engines.fixtures import started
from harness import Background, ProjectDir, is_alive, wait_until

from executors.test_containers import WAIT, Box

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


def begun(box: Box) -> Background:
    box.write(WAIT)
    box.project.write("in", "data\n")
    running = box.project.start("run", "train")
    wait_until(lambda: box.project.exists("ran"))
    return running


def assert_nothing_is_left(box: Box, name: str = "none") -> None:
    """Check what is left of the container `name`."""
    assert box.containers() == []
    assert box.project.locked() == []
    assert box.project.proj("ps").err == "no step runs\n"
    assert not Path(f"/dev/shm/proj-{os.getuid()}", name).exists()


@pytest.fixture
def own_docker() -> Iterator[Engine]:
    """A daemon for one test, which may end it."""
    yield from started(dockerd)


def test_a_daemon_that_crashes_leaves_no_result_and_no_container(own_docker: Engine, project: ProjectDir) -> None:
    project.environ.update(own_docker.environ)
    box = Box(project, "docker", own_docker)
    running = begun(box)
    (name,) = box.containers()
    restart(own_docker)
    done = running.wait()
    assert done.code in (1, 137, 143), done.err
    assert "`train` has no result: " in done.err or "`train` was killed by signal" in done.err
    again = project.proj("run", "train") if done.code == 1 else done  # finds the container, which has ended
    assert again.code in (137, 143), again.err
    assert "`train` was killed by signal" in again.err
    assert_nothing_is_left(box, name)
    project.write("go")
    assert project.proj("run", "train").code == 0
    assert project.read("ran") == "ran\nran\n"


def test_a_container_whose_end_podman_cannot_notice_is_ended(podman: Engine, project: ProjectDir) -> None:
    project.environ.update(podman.environ)
    box = Box(project, "podman", podman)
    running = begun(box)
    state = "{{.State.Pid}} {{.State.ConmonPid}}"
    (name,) = box.containers()
    pid, watcher = map(int, box.ask("inspect", "--format", state, name).split())
    for victim in (running.pid, watcher):
        os.kill(victim, signal.SIGKILL)
    running.wait()
    again = project.proj("run", "train")
    assert again.code == 1
    assert "`train` has no result: the process of podman that watches its container ended" in again.err
    wait_until(lambda: not is_alive(pid), "the end of the container")
    assert_nothing_is_left(box, name)
    project.write("go")
    assert project.proj("run", "train").code == 0


def test_memory_that_is_full_is_named_and_keeps_no_secret(podman: Engine, project: ProjectDir) -> None:
    project.environ.update(podman.environ)
    box = Box(project, "podman", podman)
    box.write(WAIT.replace("s3cr3t", "s3cr3t" * 20_000))
    project.write("in", "data\n")
    memory = project.beside("memory").path
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", memory], check=True)
    try:
        done = project.process("run", "train", env={"XDG_RUNTIME_DIR": str(memory)})
        assert done.code == 1
        assert "No space left on device" in done.err
        assert "s3cr3t" not in done.err
        assert [path for path in memory.rglob("*") if path.is_file()] == []
    finally:
        subprocess.run(["umount", memory], check=True)
    assert_nothing_is_left(box)

"""One Ctrl-C ends a push, a pull or a question to a remote within a second, whatever it waits for."""

from __future__ import annotations

import fcntl
import uuid
from pathlib import Path

import pytest
from assets.test_interrupts import connected, interrupted
from harness import ProjectDir, wait_until
from proxy import Fault, proxy_to
from servers import Server
from silent import Silent, silent_server
from stores.conftest import BUCKET

from .conftest import sign_in
from .samples import clone, leftovers, lines_of, twin, twins

BUSY = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def in_bucket(project: ProjectDir, server: Silent) -> str:
    """Return a remote in a bucket of this server, with credentials for it in the project's environment."""
    project.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    return f"{{url: 's3://bucket/x', endpoint_url: 'http://127.0.0.1:{server.port}', region: us-east-1}}"


@pytest.mark.parametrize(
    "words", ["push", "push -c make", "pull", "ls", "status --remote default", "remote test default"]
)
def test_an_s3_request_that_hangs(project: ProjectDir, words: str) -> None:
    with silent_server() as server:
        twins(project, in_bucket(project, server))
        target = clone(project, "other") if words == "pull" else project
        running = target.start(*words.split())
        connected(server)
        interrupted(running)
        assert leftovers(target) == []


def test_a_pull_that_waits_for_a_lock(project: ProjectDir, tmp_path: Path) -> None:
    twins(project, tmp_path / "remote")
    text = project.read("project.yml")
    project.write_wait()
    project.project(text.replace("[sh make.sh]", "[sh make.sh, sh wait.sh make]"))
    project.let_go("make")
    assert project.proj("run", "make").code == 0
    project.proj("push")
    other = clone(project, "other")
    running = other.start("run", "make")
    other.wait_for("make")
    pulling = other.start("pull")
    wait_until(lambda: "waiting for" in pulling.err, "the wait for the lock")
    interrupted(pulling)
    assert running.is_running and leftovers(other) == []
    other.let_go("make")
    assert running.wait().code == 0


@pytest.mark.servers
def test_a_pull_from_a_store_that_stops_in_the_middle(project: ProjectDir, seaweedfs: Server, tmp_path: Path) -> None:
    with proxy_to(seaweedfs.port) as proxy:
        environ = {
            name: value.replace(str(seaweedfs.port), str(proxy.port)) for name, value in seaweedfs.environ.items()
        }
        sign_in(project, Server(proxy.port, environ))
        twins(project, f"s3://{BUCKET}/{uuid.uuid4().hex}").proj("push")
        other = clone(project, "other")
        proxy.fault = Fault(rb"GET /\S*(one|two)", answer=5000, times=1000, stall=True)
        running = other.start("pull")
        wait_until(lambda: proxy.happened, "the download")
        interrupted(running)
        assert (twin(other), leftovers(other)) == (None, [])


@pytest.mark.parametrize("words", ["push", "pull", "ls"])
def test_the_pause_before_another_attempt(project: ProjectDir, words: str) -> None:
    with silent_server(BUSY) as server:
        twins(project, in_bucket(project, server))
        target = clone(project, "other") if words == "pull" else project
        running = target.start(words)
        wait_until(lambda: server.accepted > 1, "another attempt")
        interrupted(running)
        assert leftovers(target) == []


def test_a_push_that_waits_for_the_lock_of_a_directory(project: ProjectDir, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    twins(project, remote).proj("push")
    (broken,) = [path for path in remote.rglob("*") if path.is_file() and "one.txt" in str(path)]
    broken.write_bytes(b"broken")
    with open(remote / ".proj-tmp/lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        running = project.start("push", "--repair")
        wait_until(lambda: len(list((remote / ".proj-tmp").iterdir())) > 1, "the upload")
        interrupted(running)
    assert [path.name for path in (remote / ".proj-tmp").iterdir()] == ["lock"]
    assert broken.read_bytes() == b"broken"


def test_what_a_cancelled_pull_left_is_swept_by_the_next(project: ProjectDir, tmp_path: Path) -> None:
    twins(project, tmp_path / "remote").proj("push")
    other = clone(project, "other")
    (other.path / ".one.txt.proj-new-0123abcd").mkdir()
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}
    assert (leftovers(other), twin(other)) == ([], twin(project))

"""One Ctrl-C ends a push, a pull or a question to a remote within a second, whatever it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest
from assets.test_interrupts import connected, interrupted
from harness import ProjectDir, wait_until
from silent import silent_server

from .samples import clone, leftovers, lines_of, twin, twins


@pytest.mark.parametrize(
    "words", ["push", "push -c make", "pull", "ls", "status --remote default", "remote test default"]
)
def test_an_s3_request_that_hangs(project: ProjectDir, words: str) -> None:
    with silent_server() as server:
        project.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
        remote = f"{{url: 's3://bucket/x', endpoint_url: 'http://127.0.0.1:{server.port}', region: us-east-1}}"
        twins(project, remote)
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


def test_what_a_cancelled_pull_left_is_swept_by_the_next(project: ProjectDir, tmp_path: Path) -> None:
    twins(project, tmp_path / "remote").proj("push")
    other = clone(project, "other")
    (other.path / ".one.txt.proj-new-0123abcd").mkdir()
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}
    assert (leftovers(other), twin(other)) == ([], twin(project))

"""One Ctrl-C ends a fetch or clone within a second, whatever it waits for."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import TIMEOUT, Background, Done, ProjectDir, wait_until
from silent import Silent, silent_server

from assets.conftest import left_beside

PROMPT = 10.0  # seconds; far less than any timeout, and enough for a busy machine


def interrupted(running: Background) -> Done:
    """Send one Ctrl-C and wait for the end, which must be prompt."""
    begun = time.monotonic()
    running.signal(signal.SIGINT)
    done = running.wait()
    assert time.monotonic() - begun < PROMPT
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    return done


def connected(server: Silent) -> None:
    wait_until(lambda: server.accepted > 0, "a connection to the silent server")


def processes_with(text: str) -> list[str]:
    listing = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if text in line and "ps -A" not in line]


def has_ended(text: str) -> None:
    wait_until(lambda: not processes_with(text), f"the end of processes with {text}")


STALLED = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"


@pytest.mark.parametrize("answer", [b"", STALLED], ids=["silent", "stalled"])
def test_a_download_from_a_server_that_sends_nothing(project: ProjectDir, answer: bytes) -> None:
    with silent_server(answer) as server:
        project.project(f"assets: [{{dest: data/a.txt, url: 'http://127.0.0.1:{server.port}/a'}}]")
        project.write("data/a.txt")
        running = project.start("assets")
        connected(server)
        interrupted(running)
    assert (project.read("data/a.txt"), left_beside(project.path)) == ("", [])


def test_the_pause_before_another_attempt(project: ProjectDir) -> None:
    answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n"
    with silent_server(answer) as server:
        project.project(f"assets: [{{dest: a.txt, url: 'http://127.0.0.1:{server.port}/a'}}]")
        running = project.start("assets")
        connected(server)
        time.sleep(0.2)  # either way, with or without the pause reached, it must end
        interrupted(running)
    assert left_beside(project.path) == []


@pytest.mark.parametrize("scheme", ["http", "git"])
@pytest.mark.parametrize("subcommand", ["assets", "clone"])
def test_a_git_server_that_hangs_and_no_helper_of_git_survives(
    project: ProjectDir, scheme: str, subcommand: str
) -> None:
    with silent_server() as server:
        url = f"{scheme}://127.0.0.1:{server.port}/team/repo.git"
        project.project(f"assets: [{{dest: got, git: {{repo: '{url}', path: data}}}}]")
        words = ["assets"] if subcommand == "assets" else ["clone", "data", "copy", "--repo", url]
        running = project.start(*words)
        connected(server)
        interrupted(running)
        has_ended(f"127.0.0.1:{server.port}")
    assert not project.exists("got") and not project.exists("copy")
    assert left_beside(project.path) == []


def test_an_ssh_server_that_hangs(project: ProjectDir) -> None:
    with silent_server() as server:
        url = f"ssh://git@127.0.0.1:{server.port}/repo.git"
        running = project.start("clone", "data", "copy", "--repo", url)
        connected(server)
        interrupted(running)
        has_ended(str(server.port))
    assert left_beside(project.path) == []


def test_another_process_holds_the_lock_of_the_asset(project: ProjectDir) -> None:
    with silent_server() as server:
        project.project(f"assets: [{{dest: a.txt, url: 'http://127.0.0.1:{server.port}/a'}}]")
        first = project.start("assets")
        connected(server)
        second = project.start("assets")
        wait_until(lambda: "waiting for" in second.err, "the wait for the lock")
        interrupted(second)
        assert first.is_running
        interrupted(first)


def test_an_object_in_a_bucket_that_never_comes(project: ProjectDir) -> None:
    with silent_server() as server:
        project.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
        url = f"http://127.0.0.1:{server.port}"
        project.project(f"""\
            remotes: {{lab: {{url: "s3://bucket/x", endpoint_url: "{url}", region: us-east-1}}}}
            assets: [{{dest: a.txt, url: "s3://bucket/y/a"}}]
            """)
        running = project.start("assets")
        connected(server)
        interrupted(running)
    assert left_beside(project.path) == []


def test_a_local_source_that_takes_long(project: ProjectDir, tmp_path: Path) -> None:
    """A sparse file is large, and is copied without a pause."""
    assert TIMEOUT > PROMPT
    large = tmp_path / "large"
    with open(large, "wb") as file:
        file.truncate(1 << 38)
    project.project(f"assets: [{{dest: a.bin, url: '{large}'}}]")
    running = project.start("assets")
    wait_until(lambda: bool(left_beside(project.path)), "the copy")
    interrupted(running)
    assert left_beside(project.path) == []

"""Connections that break, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from harness import TIMEOUT, ProjectDir, wait_until
from proxy import Fault, Proxy, proxy_to
from servers import Server
from stores.conftest import BUCKET

from weaselish.cancel import Cancel
from weaselish.engine.workers import GRACE
from weaselish.stores import open as opening
from weaselish.stores.directory import DirectoryStore

from .conftest import sign_in
from .samples import clone, intact_runs, leftovers, lines_of, states, twin, twins
from .test_servers import store_of

SIZE = 9_000_000


@pytest.fixture
def server(seaweedfs: Server) -> Server:
    return seaweedfs


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxy_to(server.port) as proxy:
        yield proxy


@pytest.fixture
def remote(project: ProjectDir, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> str:
    """A remote behind the proxy; nothing pauses between attempts."""
    monkeypatch.setattr(Cancel, "sleep", lambda cancel, seconds: cancel.check())
    through = {name: value.replace(str(server.port), str(proxy.port)) for name, value in server.environ.items()}
    sign_in(project, Server(proxy.port, through))
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


def large(project: ProjectDir, remote: object) -> ProjectDir:
    twins(project, remote)
    project.write("make.sh", f"head -c {SIZE} /dev/urandom > one.txt\nmkdir -p two && cp one.txt two/same.txt\n")
    assert project.proj("run", "make").code == 0
    return project


@pytest.mark.servers
def test_a_push_and_a_pull_go_on_after_cuts(project: ProjectDir, remote: str, proxy: Proxy) -> None:
    large(project, remote)
    proxy.fault = Fault(b"PUT /", request=1_000_000, times=2)
    assert project.proj("push").code == 0
    assert proxy.happened == 2
    proxy.fault = Fault(b"GET /", answer=3_000_000, times=2)
    other = clone(project, "other")
    assert other.proj("pull").code == 0
    assert proxy.happened == 4
    assert twin(other) == twin(project)


@pytest.mark.servers
def test_a_connection_that_is_always_cut_leaves_the_old_state(project: ProjectDir, remote: str, proxy: Proxy) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    other.proj("pull")
    before = twin(other)
    large(project, remote)
    proxy.fault = Fault(b"PUT /", request=1_000_000, times=1000)
    done = project.proj("push")
    assert done.code == 1
    assert f"remote `default` (s3://{BUCKET}/" in lines_of(done)["make"]
    assert "the connection or the server failed" in lines_of(done)["make"]
    assert "  hint: " in done.err
    assert len(intact_runs(store_of(project, remote))) == 1

    proxy.fault = None
    assert project.proj("push").code == 0
    other.write("make.sh", project.read("make.sh"))
    proxy.fault = Fault(rb"Range: bytes=0-|range: bytes=0-", answer=2_000_000, times=1000)
    done = other.proj("pull")
    assert done.code == 1
    assert "the connection or the server failed" in done.err
    assert "Traceback" not in done.err
    assert (twin(other), leftovers(other)) == (before, [])
    proxy.fault = None
    assert other.proj("pull").code == 0
    assert (twin(other), states(other)) == (twin(project), {"make": "up to date"})


@pytest.mark.servers
def test_a_server_that_is_gone_is_one_line(project: ProjectDir, server: Server) -> None:
    sign_in(project, Server(1, {**server.environ, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}))
    twins(project, f"s3://{BUCKET}/gone")
    for words in (["push"], ["status", "--remote", "default"], ["pull"]):
        if words == ["pull"]:
            (project.path / "one.txt").unlink()  # else there is nothing to ask for
        done = project.proj(*words)
        assert done.code == 1
        error, hint = done.err.splitlines()
        assert error.startswith(
            f"error: remote `default` (s3://{BUCKET}/gone at http://127.0.0.1:1): cannot be reached"
        )
        assert hint.startswith("  hint: check `endpoint_url:`")


def test_a_pull_of_what_is_here_asks_no_server(project: ProjectDir) -> None:
    twins(project, f"s3://{BUCKET}/gone")
    project.environ |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}
    done = project.proj("pull")
    assert (done.code, done.err) == (0, "✔ make: already present\n0 pulled from default, 1 already present\n")


@pytest.mark.servers
@pytest.mark.parametrize("verb", ["push", "pull"])
def test_ctrl_c_ends_a_transfer_soon_and_leaves_nothing(
    project: ProjectDir, server: Server, proxy: Proxy, tmp_path: Path, verb: str
) -> None:
    through = {name: value.replace(str(server.port), str(proxy.port)) for name, value in server.environ.items()}
    sign_in(project, Server(proxy.port, through))
    remote = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    large(project, remote)
    if verb == "pull":
        assert project.proj("push").code == 0
    other = clone(project, "other") if verb == "pull" else project
    before = twin(other)
    proxy.happened = 0
    proxy.fault = slow(verb)
    running = other.start(verb)
    wait_until(lambda: proxy.happened, "the transfer")
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert (twin(other), leftovers(other)) == (before, [])
    proxy.fault = None
    assert other.proj(verb).code == 0
    assert len(intact_runs(store_of(project, remote))) == 1


def slow(verb: str) -> Fault:
    """Lets one part of many be cut, which is asked for again after half a second: time enough for Ctrl-C."""
    if verb == "push":
        return Fault(b"PUT /", request=1_000_000, times=3)
    return Fault(b"GET /\\S*one|GET /\\S*two", answer=1_000_000, times=3)


def interrupt(cancel: Cancel) -> None:
    """Send Ctrl-C to this process, and wait until `cancel` knows of it."""
    os.kill(os.getpid(), signal.SIGINT)  # not raise_signal: that would not wake the main thread
    assert cancel.wait(TIMEOUT)


def test_ctrl_c_gives_up_what_is_on_its_way(
    project: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is slow, and an interrupt while two objects are on their way to it."""
    twins(project, tmp_path / "remote").proj("push")

    class Slow(DirectoryStore):
        def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
            if key.startswith(".proj"):
                yield from super().get(key)
                return
            data = b"".join(super().get(key))
            for begin in range(0, len(data), 10):
                if begin == 1000:
                    interrupt(self._cancel)
                yield data[begin : begin + 10]

    other = clone(project, "other")
    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_store", lambda *_, cancel, **__: Slow(tmp_path / "remote", cancel=cancel))
        done = other.proj("pull")
        assert (done.code, twin(other), leftovers(other)) == (130, None, [])
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}


def test_ctrl_c_lets_uploads_drop_what_they_stored(
    project: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that takes a moment for that, which a bucket may need to drop the parts of a large object."""
    ended: list[str] = []

    class Slow(DirectoryStore):
        def put(
            self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None
        ) -> bool:
            interrupt(self._cancel)
            try:
                return super().put(key, chunks, replace=replace, if_version=if_version)
            finally:
                time.sleep(1.2 * GRACE)
                ended.append(key)

    twins(project, tmp_path / "remote")
    monkeypatch.setattr(opening, "open_store", lambda *_, cancel, **__: Slow(tmp_path / "remote", cancel=cancel))
    assert project.proj("push", "-j", "1").code == 130
    assert len(ended) == 1
    assert [one for one in (tmp_path / "remote").rglob("*") if one.is_file()] == []

"""Streams show runs and their output as they happen, go on where they broke off, and end with the server."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import httpx
import uvicorn
from harness import TIMEOUT, ProjectDir, wait_until

from serve.running_server import RunningServer, run_in_state
from weaselish.serve.access.cookies import cookie_name
from weaselish.serve.access.roles import Role
from weaselish.serve.app import create_app
from weaselish.serve.live.connection import CuttableProtocol
from weaselish.serve.live.stream import StreamLimits
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Settings
from weaselish.serve.storage.database import open_database
from weaselish.serve.storage.run_row import RunRow
from weaselish.serve.storage.sessions import create_session

Play = tuple[ProjectDir, RunningServer]


def test_a_run_in_a_terminal_appears_with_its_output(play: Play) -> None:
    project, dashboard = play
    for name in ("talk.running", "talk.go"):
        (project.path / name).unlink(missing_ok=True)
    with dashboard.events("projects/play/events") as events:
        assert next(events).name == "hello"
        running = project.start("run", "talk")
        run = run_in_state(events, "talk", "running")
        project.wait_for("talk")
        with dashboard.events(f"projects/play/runs/{run}/log/events") as log:
            text = ""
            while "one" not in text:
                news = next(log)
                text += news.data["text"]
            assert "\x1b[31mred" in text
            project.let_go("talk")
            rest = list(takewhile(lambda one: one.name != "end", log))
            assert "two" in "".join(one.data["text"] for one in rest if one.name == "lines")
        assert running.wait().code == 0
        assert run_in_state(events, "talk", "done") == run
    with dashboard.events(f"projects/play/runs/{run}/log/events", last_event_id=news.id) as log:
        again = list(log)
    assert [one.name for one in again] == ["lines", "end"]
    assert "two" in again[0].data["text"] and "one" not in again[0].data["text"]
    assert again[1].data == {"state": "done"}


def test_a_stream_goes_on_after_the_last_event(play: Play) -> None:
    project, dashboard = play
    with dashboard.events("projects/play/events") as events:
        version = next(events).id
    assert version
    project.process("run", "prep", "--force")
    with dashboard.events("projects/play/events", last_event_id=version) as events:
        assert next(events).name == "hello"
        assert run_in_state(events, "prep", "done")
    with dashboard.events(
        "projects/play/events", last_event_id="999999999"
    ) as events:  # of a database that was deleted
        assert [next(events).name, next(events).name] == ["hello", "reload"]


def test_a_killed_run_becomes_interrupted(play: Play) -> None:
    project, dashboard = play
    (project.path / "talk.go").unlink(missing_ok=True)
    (project.path / "talk.running").unlink(missing_ok=True)
    with dashboard.events("projects/play/events") as events:
        running = project.start("run", "talk")
        run = run_in_state(events, "talk", "running")
        project.wait_for("talk")
        running.signal(signal.SIGKILL)
        running.wait()
        assert run_in_state(events, "talk", "interrupted") == run
    project.let_go("talk")


def test_streams_need_a_login_and_a_run_on_record(play: Play) -> None:
    _, dashboard = play
    for path in ("projects/play/events", "projects/play/runs/1/log/events"):
        assert httpx.get(f"{dashboard.address}/api/v1/{path}").status_code == 401
    assert dashboard.client.get("/api/v1/projects/other/events").status_code == 404
    assert dashboard.client.get("/api/v1/projects/play/runs/1/log/events?command=../../x").status_code == 404


def test_a_client_that_never_reads_is_cut_off(project: ProjectDir, tmp_path: Path) -> None:
    project.project(
        "commands: [{name: loud, script: [sh -c 'yes 0123456789012345678901234567890 | head -c 40000000']}]"
    )
    project.process("run", "loud")
    with served(project, tmp_path, StreamLimits(patience=0.3)) as (port, cookie, runs):
        path = f"/api/v1/projects/project/runs/{runs[0].run}/log/events?offset=0"
        lazy = socket.create_connection(("127.0.0.1", port))
        lazy.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        assert lazy.recv(12) == b"HTTP/1.1 200"
        poll = select.poll()
        poll.register(lazy, select.POLLHUP | select.POLLERR)
        assert poll.poll(TIMEOUT * 1000), "the server keeps the connection"
        lazy.close()


@contextmanager
def served(project: ProjectDir, tmp_path: Path, limits: StreamLimits) -> Iterator[tuple[int, str, list[RunRow]]]:
    """Serve a project in a thread; yield its port, the cookie of a session, and the runs."""
    settings = Settings(tmp_path / "data")
    database = open_database(settings)
    app = create_app(settings, Projects.of([project.path]), database)
    app.state.live.limits = limits
    value = create_session(database, "viewer", Role.VIEWER, has_account=False, stamp=app.state.serving.stamp)
    live = app.state.live.project("project")
    live.refresh(TIMEOUT)
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=CuttableProtocol, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield (
            server.servers[0].sockets[0].getsockname()[1],
            f"{cookie_name(app.state.serving)}={value}",
            live.runs.runs(),
        )
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        database.close()


def test_sigterm_ends_streams_at_once(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo a]}]")
    dashboard = RunningServer(project)
    with dashboard.events("projects/project/events") as events:
        next(events)
        os.kill(dashboard.process.pid, signal.SIGTERM)
        assert list(events) == []
    done = dashboard.process.wait()
    assert (done.code, "Traceback" in done.err) == (143, False), done.err

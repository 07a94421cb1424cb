"""A running `proj serve` in a process of its own, and a client that has entered by its link."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
from harness import Background, ProjectDir, wait_until


class Event(NamedTuple):
    """One server-sent event; `data` is decoded."""

    name: str
    data: Any
    id: str | None


class RunningServer:
    """A server of one project, with an owner's session. Ended with its `with` block."""

    def __init__(self, project: ProjectDir, *options: str, env: dict[str, str] | None = None) -> None:
        self.process: Background = project.start("serve", "--port", "0", "--no-open", *options, env=env)
        wait_until(lambda: "/enter/" in self.process.out or not self.process.is_running, "the start of the server")
        found = re.search(r"(http://[^/]+)(\S*)", self.process.out)
        assert found, self.process.err
        self.address = found[1]
        self.client = httpx.Client(base_url=self.address, timeout=20)
        assert self.client.get(found[2], follow_redirects=True).status_code == 200
        self.client.headers["x-form-token"] = self.get("visitor")["form_token"]

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.is_running:
            import signal

            self.process.signal(signal.SIGTERM)
            self.process.wait()

    def get(self, path: str) -> Any:
        """Return the JSON of a path below `/api/v1/`."""
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None) -> Any:
        """Return the JSON of the answer to a request that starts something."""
        answer = self.client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code in (202, 204), answer.text
        return answer.json() if answer.content else None

    def ended(self, action: int) -> Any:
        """Wait for the end of an action and return it."""
        wait_until(lambda: self.get(f"actions/{action}")["ended"] is not None, "the end of the action")
        return self.get(f"actions/{action}")

    @contextmanager
    def events(self, path: str, *, last_event_id: str | None = None) -> Iterator[Iterator[Event]]:
        """Open a stream of events below `/api/v1/`."""
        headers = {} if last_event_id is None else {"last-event-id": last_event_id}
        with self.client.stream("GET", f"/api/v1/{path}", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _parsed(answer.iter_lines())


def run_in_state(events: Iterator[Event], command: str, state: str) -> str:
    """Return the id of the first run that an event shows in a state."""
    for event in events:
        for run in event.data.get("runs", ()):
            if (run["command"], run["state"]) == (command, state):
                return str(run["run"])
    raise AssertionError("the stream ended")


def _parsed(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "event" in fields:
                yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}

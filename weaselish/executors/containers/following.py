"""Follows a running container: passes its output on, and ends it on timeout or cancellation."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import suppress
from math import inf
from time import monotonic

from weaselish.cancel import LONGEST_POLL, Cancel, Level
from weaselish.executors.base import Ending, Outcome
from weaselish.executors.containers.engine import Engine
from weaselish.executors.containers.entry import Marks

_CHUNK = 1 << 16
_KILLED = 10.0  # seconds after which a container that was killed must have ended
_SIGNALS = {Level.INTERRUPT: "INT", Level.TERMINATE: "TERM", Level.KILL: "KILL"}


class Following:
    """One poll loop over the output of the engine's client, `cancel` and the deadline.

    `deadline` is a time of the monotonic clock, `grace` the seconds between SIGTERM and SIGKILL after a timeout.
    """

    def __init__(self, engine: Engine, name: str, marks: Marks, cancel: Cancel, deadline: float, grace: float) -> None:
        self._engine, self._name, self._marks, self._cancel = engine, name, marks, cancel
        self._deadline, self._grace, self._kill_at, self._give_up_at = deadline, grace, inf, inf
        self._level = Level.RUN  # what the container was asked for
        self.ended_by: Outcome | None = None  # if we asked it to end: as what that counts
        self.error = b""  # what the client said
        self.exit_code: int | None = None  # of the client

    def finish(self, client: subprocess.Popen[bytes]) -> None:
        """Follow until the client ends. If the receiver of the output raises, kill the container."""
        assert client.stdout is not None
        assert client.stderr is not None
        try:
            open_fds = {client.stdout.fileno(), client.stderr.fileno()}
            while open_fds:
                self._send_due_requests()
                for fd in self._ready(open_fds):
                    data = os.read(fd, _CHUNK)
                    if not data:
                        open_fds.discard(fd)
                    elif fd == client.stdout.fileno():
                        self._marks.feed(data)
                    else:
                        self.error = (self.error + data)[-_CHUNK:]
                if monotonic() >= self._give_up_at:  # the engine does not notice the end
                    client.kill()
                    break
            self._marks.finish()
            self.exit_code = client.wait()
        except BaseException:
            client.kill()  # first: Docker waits for it to take the output of a container that it kills
            self._engine.signal(self._name, "KILL")
            raise
        finally:
            if client.poll() is None:
                client.kill()
                client.wait()
            client.stdout.close()
            client.stderr.close()

    def _ready(self, open_fds: set[int]) -> list[int]:
        poll = select.poll()
        for fd in open_fds:
            poll.register(fd, select.POLLIN)
        if self._level < Level.KILL:
            with suppress(OSError):
                poll.register(self._cancel.fileno(above=max(self._level, self._cancel_floor)), select.POLLIN)
        until = min(self._deadline, self._kill_at, self._give_up_at)
        left = min(max(0.0, until - monotonic()), LONGEST_POLL)
        return [fd for fd, _ in poll.poll(None if until == inf else left * 1000) if fd in open_fds]

    @property
    def _cancel_floor(self) -> Level:
        return Level(min(self._cancel.level, Level.TERMINATE))

    def _send_due_requests(self) -> None:
        level = self._cancel.level
        if level > self._level:
            self.ended_by = self.ended_by or Outcome(Ending.INTERRUPTED, self._cancel.exit_code)
            self._request(level)
        if monotonic() >= self._deadline:
            self._deadline = inf
            self.ended_by = self.ended_by or Outcome(Ending.TIMED_OUT, 124)
            self._kill_at = monotonic() + self._grace
            self._request(Level.TERMINATE)
        if monotonic() >= self._kill_at:
            self._kill_at = inf
            self._request(Level.KILL)

    def _request(self, level: Level) -> None:
        self._level = max(level, self._level)
        if level is Level.KILL:
            self._give_up_at = monotonic() + _KILLED
        self._engine.signal(self._name, _SIGNALS[level])

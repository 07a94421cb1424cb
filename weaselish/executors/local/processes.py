"""Finds the processes that a job started, and ends them."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel, Level
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    import psutil

TICK = 0.02  # seconds between two checks of what no descriptor reports


class Process(NamedTuple):
    """A living process. `identity` also tells it apart from a later process of the same number."""

    identity: psutil.Process
    pid: int
    parent: int
    group: int
    session: int


class ProcessTree:
    """The session of the current line, what earlier lines left behind, and all descendants of both.

    Where the system does not list its processes, this is the process group of the current line. A process that left
    the session and whose parents are dead (a daemon) is out of reach, unless this object saw it before.
    """

    def __init__(self) -> None:
        self.level = Level.RUN  # how urgently the processes were asked to end; it only rises
        self._leader: int | None = None
        self._seen: set[psutil.Process] = set()

    def add_line(self, leader: int) -> None:
        """Note that a line started, as the leader of a session."""
        self._leader = leader

    def keep_left_behind(self) -> None:
        """Note that the line succeeded and was waited for. Remember the processes that it left behind."""
        if self._leader and _signal_group(self._leader, 0):
            self.remember()
        self._leader = None

    def remember(self) -> None:
        """Note the living processes while their parents live."""
        self._members()

    def request(self, level: Level, *, group: int | None = None) -> None:
        """Ask the processes to end. INTERRUPT goes to one process group, by default the leader's, as Ctrl-C does."""
        if level <= self.level:
            return
        self.level = level
        if level is Level.INTERRUPT:
            self.remember()
            _signal_group(group or self._leader, signal.SIGINT)
        elif level is Level.TERMINATE:
            self._send(signal.SIGTERM, signal.SIGCONT)
        else:
            self._send(signal.SIGKILL)

    def end(self, grace: float, cancel: Cancel, wait: Callable[[float], object] = time.sleep) -> None:
        """End all living processes, by SIGKILL after the grace time. The leader must have been waited for.

        `wait` is called with a number of seconds to wait, again and again.
        """
        if self._is_alive():
            kill_at = time.monotonic() + grace
            give_up = kill_at + 1  # SIGKILL does not end another user's process, or one that waits for a broken disk
            self.request(Level.TERMINATE)
            while self._is_alive() and time.monotonic() < give_up:
                if cancel.level is Level.KILL or time.monotonic() >= kill_at:
                    self.request(Level.KILL)
                wait(TICK)
        self._leader = None
        self._seen.clear()

    def _is_alive(self) -> bool:
        if not self._leader and not self._seen:
            return False
        living = _living_processes()
        return _signal_group(self._leader, 0) if living is None else bool(self._members_among(living))

    def _send(self, *signals: int) -> None:
        members = self._members()
        for signum in signals:
            _signal_group(self._leader, signum)
            for process in members:
                if process.group != self._leader:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(process.pid, signum)

    def _members(self) -> list[Process]:
        if not self._leader and not self._seen:
            return []
        return self._members_among(_living_processes() or [])

    def _members_among(self, living: list[Process]) -> list[Process]:
        children: dict[int, list[Process]] = defaultdict(list)
        for process in living:
            children[process.parent].append(process)
        waiting = [p for p in living if p.session == self._leader or p.identity in self._seen]
        members: dict[int, Process] = {}
        while waiting:
            process = waiting.pop()
            if process.pid not in members:
                members[process.pid] = process
                waiting += children[process.pid]
        self._seen = {p.identity for p in members.values()}
        return list(members.values())


def _signal_group(group: int | None, signum: int) -> bool:
    """Signal a process group and return whether it exists. One of another user (sudo) exists and gets no signal."""
    if not group:
        return False
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _living_processes() -> list[Process] | None:
    """Return the processes of this machine; None where the system does not list them, such as without /proc."""
    import psutil  # here, as most lines end without anything left to look for

    living = []
    try:
        for pid in psutil.pids():
            with suppress(psutil.Error, ProcessLookupError, PermissionError):
                process = psutil.Process(pid)
                with process.oneshot():
                    if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                        living.append(Process(process, pid, process.ppid(), os.getpgid(pid), os.getsid(pid)))
    except (psutil.Error, OSError):
        return None
    return living

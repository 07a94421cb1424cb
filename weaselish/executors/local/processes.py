"""The processes that a job started: which of them live, and how they are told to end."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from weaselish.cancel import Cancel, Level

TICK = 0.02  # seconds between two looks at what no descriptor tells
_PROC = "/proc"


class Process(NamedTuple):
    """A living process; with `start`, in clock ticks since boot, the number means one process for ever."""

    pid: int
    parent: int
    group: int
    session: int
    start: int


class ProcessTree:
    """The session of the line that runs, what earlier lines left behind, and whatever descends from either.

    Seen through /proc; where there is none (macOS), the process group of the line that runs is all that is known. A
    process that has left the session and whose parents are dead (a daemon) is out of reach, unless it was seen before.
    """

    def __init__(self) -> None:
        self.told = Level.RUN  # how urgently they were told to end; it only rises
        self._leader: int | None = None
        self._seen: set[tuple[int, int]] = set()  # pid and start

    def grow(self, leader: int) -> None:
        """A line was started, as the leader of a session."""
        self._leader = leader

    def keep(self) -> None:
        """The line has ended well and was waited for; what it left behind will be known."""
        if self._leader and _signal_group(self._leader, 0):
            self.remember()
        self._leader = None

    def remember(self) -> None:
        """Sees who is there while their parents live."""
        self._members()

    def tell(self, level: Level, *, group: int | None = None) -> None:
        """INTERRUPT goes to one process group only, by default the leader's, as Ctrl-C does; the others to all."""
        if level <= self.told:
            return
        self.told = level
        if level is Level.INTERRUPT:
            self.remember()
            _signal_group(group or self._leader, signal.SIGINT)
        elif level is Level.TERMINATE:
            self._send(signal.SIGTERM, signal.SIGCONT)
        else:
            self._send(signal.SIGKILL)

    def end(self, grace: float, cancel: Cancel, wait: Callable[[float], object] = time.sleep) -> None:
        """Ends what lives, by SIGKILL after the grace time. The leader must have ended and been waited for.

        `wait` is called with a time to pass, again and again.
        """
        if self._is_alive():
            kill_at = time.monotonic() + grace
            give_up = kill_at + 1  # not even SIGKILL ends what is another user's, or stuck in a disk
            self.tell(Level.TERMINATE)
            while self._is_alive() and time.monotonic() < give_up:
                if cancel.level is Level.KILL or time.monotonic() >= kill_at:
                    self.tell(Level.KILL)
                wait(TICK)
        self._leader = None
        self._seen.clear()

    def _is_alive(self) -> bool:
        if os.path.exists(f"{_PROC}/self/stat"):
            return bool(self._members())
        return _signal_group(self._leader, 0)

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
        everyone = list(_living_processes())
        children: dict[int, list[Process]] = defaultdict(list)
        for process in everyone:
            children[process.parent].append(process)
        waiting = [p for p in everyone if p.session == self._leader or (p.pid, p.start) in self._seen]
        members: dict[int, Process] = {}
        while waiting:
            process = waiting.pop()
            if process.pid not in members:
                members[process.pid] = process
                waiting += children[process.pid]
        self._seen = {(p.pid, p.start) for p in members.values()}
        return list(members.values())


def _signal_group(group: int | None, signum: int) -> bool:
    """Whether there was a group to signal. One that belongs to somebody else (sudo) is there, and left alone."""
    if not group:
        return False
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _living_processes() -> Iterator[Process]:
    with suppress(FileNotFoundError):
        for name in os.listdir(_PROC):
            if name.isdigit() and (process := _read_process(int(name))):
                yield process


def _read_process(pid: int) -> Process | None:
    try:
        with open(f"{_PROC}/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    state, *fields = stat[stat.rindex(b")") + 2 :].split()  # the program's name, in brackets, may hold anything
    if state in b"ZX":
        return None
    return Process(pid, int(fields[0]), int(fields[1]), int(fields[2]), int(fields[18]))

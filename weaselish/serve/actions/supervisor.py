"""Runs one `proj` for the dashboard in a process of its own: with limits, and until its end even if the server ends.

The dashboard starts it with the directory of the action. The files in there are all that both share:
`task.json` says what to run; this process deletes it once it is read. It locks `alive` as long as it lives, and ends
`proj` when `stop` appears. `result` and `messages` hold what `proj` wrote, and `outcome.json` says how it ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from math import ceil, inf
from pathlib import Path
from typing import IO

import psutil

from weaselish.executors.local.cgroup import Cgroup
from weaselish.files.atomic import write_atomically
from weaselish.locks.flock import take_for_life
from weaselish.model.resources import Resources, shown_bytes

TASK, ALIVE, STOP, RESULT, MESSAGES, OUTCOME = "task.json", "alive", "stop", "result", "messages", "outcome.json"
_TICK = 0.1  # seconds between two looks at the process
_MEASURE = 0.5  # seconds between two measurements of what it uses
_PATIENCE = 10.0  # seconds from one signal to the next, stronger one
_LARGEST = 32 << 20  # bytes of what proj itself may write
_STRONGER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the process and all that it starts may use together. None stands for any amount."""

    cpus: float | None = None
    memory: int | None = None  # bytes
    gpus: int | None = None
    disk: int | None = None  # bytes written
    time: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Task:
    """The words that start the process, its directory and its limits. It has the environment of this process."""

    argv: tuple[str, ...]
    directory: str
    ceilings: Ceilings = Ceilings()

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Task:
        """Return the task that `to_json` encoded."""
        fields = json.loads(data)
        ceilings = Ceilings(**fields["ceilings"])
        return cls(tuple(fields["argv"]), fields["directory"], ceilings)


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """How the process ended. `reason` says why the supervisor ended it."""

    exit_code: int
    ended: float  # seconds since 1970
    reason: str | None = None


class Supervisor:
    """Starts a task and follows it to its end."""

    def __init__(self, directory: Path, task: Task) -> None:
        self._directory = directory
        self._task = task
        self._begun = time.monotonic()
        self._reason: str | None = None
        self._sent = 0  # signals
        self._next_signal = inf

    def run(self) -> ActionOutcome:
        """Run the task to its end."""
        ceilings = self._task.ceilings
        wanted = Resources(cpus=ceilings.cpus or 0.0, memory=ceilings.memory or 0)
        group = Cgroup.open(wanted) if wanted.memory else None
        argv = self._task.argv if group is None else group.wrapped(self._task.argv)
        with group or contextlib.nullcontext(), self._file(RESULT) as result, self._file(MESSAGES) as messages:
            try:
                process = self._start(argv, result, messages)
            except OSError as error:
                return ActionOutcome(127, time.time(), f"proj could not be started: {error.strerror}")
            code = self._follow(psutil.Process(process.pid), process)
        return ActionOutcome(128 - code if code < 0 else code, time.time(), self._reason)

    def _start(self, argv: tuple[str, ...], result: IO[bytes], messages: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            cwd=self._task.directory,
            stdin=subprocess.DEVNULL,
            stdout=result,
            stderr=messages,
            start_new_session=True,
        )

    def _file(self, name: str) -> IO[bytes]:
        return open(self._directory / name, "wb", buffering=0)

    def _follow(self, root: psutil.Process, process: subprocess.Popen[bytes]) -> int:
        measure_at = 0.0
        while (code := process.poll()) is None:
            now = time.monotonic()
            if now >= measure_at:
                self._measure(root)
                measure_at = now + _MEASURE
            if self._reason is not None and now >= self._next_signal:
                self._signal(root)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TICK)
        return code

    def _measure(self, root: psutil.Process) -> None:
        """Find out whether the process must end."""
        if self._reason is not None:
            return None
        if (self._directory / STOP).exists():
            return self._end("stopped")
        ceilings = self._task.ceilings
        if ceilings.time is not None and time.monotonic() - self._begun > ceilings.time:
            return self._end(f"it ran for longer than {ceilings.time:g} s, which is the limit")
        if ceilings.memory is not None or ceilings.disk is not None:
            memory, written = usage(root)
            if ceilings.memory is not None and memory > ceilings.memory:
                return self._end(f"it used more than {shown_bytes(ceilings.memory)} of memory, which is the limit")
            if ceilings.disk is not None and written > ceilings.disk:
                return self._end(f"it wrote more than {shown_bytes(ceilings.disk)}, which is the limit")
        for name in (RESULT, MESSAGES):
            if (self._directory / name).stat().st_size > _LARGEST:
                return self._end("it wrote too many messages")
        return None

    def _end(self, reason: str) -> None:
        self._reason = reason
        self._next_signal = 0.0

    def _signal(self, root: psutil.Process) -> None:
        """Send the next signal: the first ones to `proj` alone, which ends its scripts in order; at last to all."""
        number = _STRONGER[min(self._sent, len(_STRONGER) - 1)]
        processes = [root]
        if number == signal.SIGKILL:
            with contextlib.suppress(psutil.Error):
                processes += root.children(recursive=True)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        self._sent += 1
        self._next_signal = time.monotonic() + _PATIENCE


def usage(root: psutil.Process) -> tuple[int, int]:
    """Return the bytes of memory of a process and its descendants, and the bytes that they wrote to disks.

    The kernel adds what an ended process wrote to its parent. Memory that several share is counted once for each.
    """
    memory = written = 0
    with contextlib.suppress(psutil.Error):
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error, AttributeError):
                memory += process.memory_info().rss
                written += process.io_counters().write_bytes
    return memory, written


def restrict(ceilings: Ceilings) -> None:
    """Limit this process, and so all that it starts, to its processors and to files that the disk limit allows."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # so that scripts that lose their parent stay in the tree
    if ceilings.cpus is not None:
        allowed = sorted(os.sched_getaffinity(0))
        count = min(len(allowed), max(1, ceil(ceilings.cpus)))
        first = os.getpid() % len(allowed)
        os.sched_setaffinity(0, [(allowed * 2)[first + index] for index in range(count)])
    if ceilings.disk is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = ceilings.disk if hard == resource.RLIM_INFINITY else min(ceilings.disk, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))


def main(directory: Path) -> int:
    """Run the task of a directory; return 0 once its outcome is stored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # the file `stop` ends it; children would inherit an ignored signal
    take_for_life(os.open(directory / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), directory / ALIVE)
    task = Task.from_json((directory / TASK).read_bytes())
    (directory / TASK).unlink()
    restrict(task.ceilings)
    outcome = Supervisor(directory, task).run()
    write_atomically(directory / OUTCOME, [json.dumps(asdict(outcome)).encode()])
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

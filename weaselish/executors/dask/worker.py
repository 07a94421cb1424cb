"""The task that runs on a worker: it starts a process for the job, and passes on what the job does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO, Any

from weaselish.executors.base import Job
from weaselish.executors.dask.frames import ENDED, FAILED, STARTED, read_frame, write_frame
from weaselish.executors.processes_in import end_processes_in
from weaselish.named_tuple import NamedTuple


class Task(NamedTuple):
    """A job, the topic to which its events go, and the project's directory if the workers share it."""

    job: Job
    topic: str
    root: str | None = None
    grace: float = 5.0  # as of LocalExecutor


_running: dict[str, list[IO[bytes]]] = {}  # topic -> where each of its processes listens
_lock = threading.Lock()  # guards it


def run_task(task: Task) -> None:
    """Run a job on this worker. Its output and its end are events of its topic."""
    from distributed import get_worker

    worker, attempt = get_worker(), token_hex(6)
    count = 0

    def report(*message: Any) -> None:
        nonlocal count
        count += 1
        worker.log_event(task.topic, (attempt, count, *message))

    report(STARTED, worker.address, os.uname().nodename)
    if task.root is not None and not os.path.isdir(task.root):
        hint = "remove `shared: true`, so that files travel through a remote"
        report(FAILED, f"the worker {worker.address} does not see the project's directory `{task.root}`", hint)
        return
    place = None if task.root is not None else os.path.realpath(mkdtemp(prefix="proj-", dir=worker.local_directory))
    try:
        _supervise(task, place, report)
    finally:
        if place is not None:
            rmtree(place, ignore_errors=True)


def _supervise(task: Task, place: str | None, report: Any) -> None:
    directory = task.root or place or ""
    command = [sys.executable, "-m", "weaselish.executors.dask.supervisor"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process, _listening(task.topic, process.stdin):
        write_frame(process.stdin, (task.job, directory, place is not None, task.grace))
        last = None
        while (message := read_frame(process.stdout)) is not None:
            last = message[0]
            report(*message)
        process.wait()
    if last not in (ENDED, FAILED):
        if place is not None:
            end_processes_in(Path(place))
        report(FAILED, f"the process of the job ended with code {process.returncode}", None)


class _listening:
    """Lets `request_level` reach a process for the block."""

    def __init__(self, topic: str, stream: IO[bytes]) -> None:
        self._topic, self._stream = topic, stream

    def __enter__(self) -> None:
        with _lock:
            _running.setdefault(self._topic, []).append(self._stream)

    def __exit__(self, *_: object) -> None:
        with _lock:
            _running[self._topic].remove(self._stream)


def request_level(topic: str, level: int) -> bool:
    """Cancel a job that runs on this worker. Return whether there is one."""
    with _lock:
        streams = list(_running.get(topic, ()))
    for stream in streams:
        try:
            write_frame(stream, level)
        except (BrokenPipeError, ValueError):  # it has just ended
            continue
    return bool(streams)

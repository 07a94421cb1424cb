"""The steps of a project that run now, on this machine or elsewhere, by the journals of all processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from weaselish.engine import events
from weaselish.errors import ProjError
from weaselish.executors.base import DurableExecutor, ExecutorSource, JobState
from weaselish.locks.holders import end_all, processes_of
from weaselish.locks.lock_files import LockFiles
from weaselish.model.executors import LOCAL
from weaselish.named_tuple import NamedTuple
from weaselish.records.journal import writer_of
from weaselish.records.run_state import Attempt
from weaselish.records.stops import ask_to_stop, stop_path
from weaselish.workspace import Workspace

_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_TICK = 0.05  # seconds between two looks at a step that ends


class RunningStep(NamedTuple):
    """A step that runs, or waits in a queue. `pid`: of the `proj` that runs it, None if that was killed."""

    step: str
    executor: str
    state: JobState
    since: float  # seconds since 1970
    run: int
    pid: int | None = None
    host: str | None = None  # of that `proj`
    handle: str | None = None  # of its job


def running_steps(
    workspace: Workspace, executors: ExecutorSource, report: events.Reporter, names: Sequence[str] | None = None
) -> list[RunningStep]:
    """Return the steps that run, the oldest first: all, or those of `names`. Each executor is asked once.

    An executor that does not answer is reported; its steps count as running.
    """
    attempts = {name: attempt for name, attempt in _attempts(workspace) if names is None or name in names}
    states = _states(executors, attempts, report)
    found = (_running(workspace, name, attempt, states) for name, attempt in attempts.items())
    return sorted((one for one in found if one is not None), key=lambda one: (one.since, one.step))


def _attempts(workspace: Workspace) -> Iterator[tuple[str, Attempt]]:
    """Yield the last start of each command, if it has no end."""
    for name in workspace.records.commands:
        attempt = workspace.records.last_attempt(name)
        if attempt is not None and attempt.end is None:
            yield name, attempt


def _states(
    executors: ExecutorSource, attempts: Mapping[str, Attempt], report: events.Reporter
) -> dict[tuple[str, str], JobState]:
    """Return where the jobs are, by executor and handle."""
    handles: dict[str, list[str]] = {}
    for attempt in attempts.values():
        if attempt.job is not None:
            handles.setdefault(attempt.job.executor, []).append(attempt.job.handle)
    states: dict[tuple[str, str], JobState] = {}
    for name, asked in handles.items():
        executor = executors.named(name)
        if isinstance(executor, DurableExecutor):
            try:
                states |= {(name, handle): state for handle, state in executor.states(asked).items()}
            except ProjError as error:
                report(events.Note(error.message, error.hint))
                states |= {(name, handle): JobState.RUNNING for handle in asked}
    return states


def _running(
    workspace: Workspace, name: str, attempt: Attempt, states: Mapping[tuple[str, str], JobState]
) -> RunningStep | None:
    is_alive = workspace.records.unfinished(name) is None
    pid, host = writer_of(attempt.journal) if is_alive else (None, None)
    if attempt.job is not None:
        state = states.get((attempt.job.executor, attempt.job.handle), JobState.GONE)
        if state is JobState.GONE and is_alive:
            state = JobState.RUNNING  # its results are being recorded
        executor, handle = attempt.job.executor, attempt.job.handle
        found = RunningStep(name, executor, state, attempt.at, attempt.run, pid, host, handle)
        return None if state is JobState.GONE else found
    if is_alive or processes_of(_lock_of(workspace, name)):
        return RunningStep(name, LOCAL, JobState.RUNNING, attempt.at, attempt.run, pid, host)
    return None


def stop_steps(
    workspace: Workspace, names: Sequence[str], executors: ExecutorSource, report: events.Reporter
) -> list[RunningStep]:
    """End the scripts of steps, and return the steps that ran. Their `proj`, if it lives, does not try them again.

    A step of another host that runs as its processes is reported and left alone.
    """
    stopped = []
    for one in running_steps(workspace, executors, report, names):
        executor = executors.named(one.executor)
        is_remote = one.handle is not None and isinstance(executor, DurableExecutor)
        if not is_remote and one.host not in (None, os.uname().nodename):
            report(events.Note(f"`{one.step}` runs on the host `{one.host}`", "stop it there"))
            continue
        request = stop_path(workspace.state, one.step, one.run)
        if one.pid is not None:
            ask_to_stop(request)
        if one.handle is not None and isinstance(executor, DurableExecutor):
            executor.stop(one.handle)
        else:
            _end_processes(workspace, one.step)
            _await_end(workspace, one.step, request)
        stopped.append(one)
    return stopped


def _await_end(workspace: Workspace, step: str, request: Path) -> None:
    """Wait until the `proj` of a step has taken the request to end it. It may be about to start the next line."""
    give_up = time.monotonic() + _GRACE
    while request.exists() and time.monotonic() < give_up:
        workspace.cancel.sleep(_TICK)
        _end_processes(workspace, step)


def _end_processes(workspace: Workspace, step: str) -> None:
    end_all(_lock_of(workspace, step), grace=_GRACE, cancel=workspace.cancel)


def _lock_of(workspace: Workspace, step: str) -> Path:
    return Path(LockFiles(workspace.state / "locks").of_command(step))

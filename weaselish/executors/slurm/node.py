"""The program that a batch script starts on a node: runs the lines of the job, or one of its replicas."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, Line, Outcome
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.slurm.description import NO_SECRETS, Secrets, job_from
from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.stream import Began, Ended, LineBegan, NeedsSecrets, StreamWriter, read_frames

SECRETS_WAIT = 60.0  # seconds that a job started again waits for its secrets
TICK = 0.2
_TOGETHER = 0.3  # seconds within which Slurm sends a signal to all processes of a job
_AFTER_SUCCESS = 0.05  # the same, as every step pays it
_LEVELS = {signal.SIGINT: Level.INTERRUPT, signal.SIGTERM: Level.TERMINATE}


def main() -> int:
    """Run the job whose description the first argument names, or a replica of the role that the second names.

    Return the exit code.
    """
    description = Path(sys.argv[1])
    files = JobFiles(description.parent, description.name.removesuffix(".json"))
    facts = json.loads(description.read_bytes())
    with Cancel() as cancel:
        for number, level in _LEVELS.items():
            signal.signal(number, partial(_request, cancel, level))
        if len(sys.argv) > 2:
            from weaselish.executors.slurm.replica import run_replica

            return run_replica(facts, files, sys.argv[2], cancel)
        return _run_job(facts, files, cancel)


def _run_job(facts: dict[str, Any], files: JobFiles, cancel: Cancel) -> int:
    with open(files.description, "r+b") as locked:
        lock(locked.fileno(), cancel)
        earlier = ending(files)
        if earlier is not None and earlier.ended is not Ending.INTERRUPTED:
            return earlier.exit_code  # the node of the earlier start was only thought to be dead
        with StreamWriter(files.stream) as stream:
            outcome = _settled(_run(facts, files, stream, cancel, locked.fileno()), cancel)
            stream.event(Ended(outcome))
        return outcome.exit_code


def _settled(outcome: Outcome, cancel: Cancel) -> Outcome:
    """Return the outcome as INTERRUPTED if Slurm ended the script, although it signals this process a moment later.

    Slurm signals all processes when it cancels a job or puts it into the queue again, children first. A shell whose
    child has ended may go on before its own signal, and end with 0.
    """
    if outcome.ended not in (Ending.EXITED, Ending.SIGNALLED):
        return outcome
    if cancel.wait(_AFTER_SUCCESS if outcome.succeeded else _TOGETHER) is Level.RUN:
        return outcome
    return outcome._replace(ended=Ending.INTERRUPTED, exit_code=cancel.exit_code)


def _request(cancel: Cancel, level: Level, number: int, _: object) -> None:
    cancel.request(level, signum=number)


def ending(files: JobFiles) -> Outcome | None:
    """Return how the last start of the job ended, None if it has not."""
    last = None
    for frame, _ in read_frames(files.stream, 0):
        last = frame.outcome if isinstance(frame, Ended) else None
    return last


class StreamOutput:
    """A JobOutput that writes to the stream of the job, or of a replica."""

    def __init__(self, stream: StreamWriter) -> None:
        self._stream = stream
        self.write = stream.output

    def start_line(self, line: Line, program: str) -> None:
        self._stream.event(LineBegan(int(line.announced), program))

    def replica(self, name: str) -> StreamOutput:
        raise ValueError(f"each replica has a process of its own: {name}")


def lock(fd: int, cancel: Cancel) -> None:
    """Wait until no process of an earlier start holds the file: that start may still write to the outputs."""
    while not cancel.level:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        cancel.wait(TICK)


def node_name() -> str:
    return os.environ.get("SLURMD_NODENAME") or os.uname().nodename


def run_lines(job: Job, facts: dict[str, Any], output: StreamOutput, cancel: Cancel, lock: int) -> Outcome:
    """Run the lines of a job as the local executor does."""
    executor = LocalExecutor(Path(facts["root"]), os.environ, grace=facts["grace"])
    return executor.run(job, output=output, cancel=cancel, keep_open=(lock,))


def _run(facts: dict[str, Any], files: JobFiles, stream: StreamWriter, cancel: Cancel, lock: int) -> Outcome:
    attempt = int(os.environ.get("SLURM_RESTART_COUNT", 0)) + 1
    stream.event(Began(node_name(), attempt))
    secrets = _secrets(files, stream, cancel, is_needed=facts["needs_secrets"], is_again=attempt > 1)
    if secrets is None:
        message = "it was started again, and its secrets were deleted when it first started"
        outcome = Outcome(Ending.NOT_STARTED, 1, message=message, hint="`proj run` gives them again")
    elif facts["roles"]:
        from weaselish.executors.slurm.leader import Leader

        with Leader(job_from(facts, secrets), files, secrets, cancel, facts["grace"]) as leader:
            outcome = leader.outcome()
    else:
        os.environ.update(secrets.ambient)
        outcome = run_lines(job_from(facts, secrets), facts, StreamOutput(stream), cancel, lock)
    return outcome._replace(host=outcome.host or node_name(), attempt=max(attempt, outcome.attempt))


def _secrets(
    files: JobFiles, stream: StreamWriter, cancel: Cancel, *, is_needed: bool, is_again: bool
) -> Secrets | None:
    """Read and delete the secrets. None if they are needed and no `proj` gives them."""
    found = _take(files.secrets)
    if found is None and is_needed and is_again:
        stream.event(NeedsSecrets())
        give_up = monotonic() + SECRETS_WAIT
        while found is None and monotonic() < give_up and not cancel.level:
            cancel.wait(TICK)
            found = _take(files.secrets)
    return found or (None if is_needed else NO_SECRETS)


def _take(path: Path) -> Secrets | None:
    try:
        found = Secrets(**json.loads(path.read_bytes()))
        path.unlink()
    except FileNotFoundError:
        return None
    return found

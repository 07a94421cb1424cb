"""The program that a batch script starts on a node: runs the lines of the job and writes its stream."""

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
from weaselish.executors.base import Ending, Job, JobId, Line, Outcome
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.stream import Began, Ended, LineBegan, NeedsSecrets, StreamWriter, read_frames

SECRETS_WAIT = 60.0  # seconds that a job started again waits for its secrets
_TICK = 0.2
_LEVELS = {signal.SIGINT: Level.INTERRUPT, signal.SIGTERM: Level.TERMINATE}


def main() -> int:
    """Run the job whose description the first argument names, and return its exit code."""
    description = Path(sys.argv[1])
    files = JobFiles(description.parent, description.stem)
    with Cancel() as cancel, open(description, "r+b") as locked:
        for number, level in _LEVELS.items():
            signal.signal(number, partial(_request, cancel, level))
        _lock(locked.fileno(), cancel)
        earlier = ending(files)
        if earlier is not None and earlier.ended is not Ending.INTERRUPTED:
            return earlier.exit_code  # the node of the earlier start was only thought to be dead
        with StreamWriter(files.stream) as stream:
            outcome = _run(json.load(locked), files, stream, cancel, locked.fileno())
            stream.event(Ended(outcome))
        return outcome.exit_code


def _request(cancel: Cancel, level: Level, number: int, _: object) -> None:
    cancel.request(level, signum=number)


def ending(files: JobFiles) -> Outcome | None:
    """Return how the last start of the job ended, None if it has not."""
    last = None
    for frame, _ in read_frames(files.stream, 0):
        last = frame.outcome if isinstance(frame, Ended) else None
    return last


class _Stream:
    """A JobOutput that writes to the stream of the job."""

    def __init__(self, stream: StreamWriter) -> None:
        self._stream = stream
        self.write = stream.output

    def start_line(self, line: Line, program: str) -> None:
        self._stream.event(LineBegan(int(line.announced), program))

    def replica(self, name: str) -> _Stream:
        raise ValueError(f"the node runs one replica, not {name}")


def _lock(fd: int, cancel: Cancel) -> None:
    """Wait until no process of an earlier start holds the job: that start may still write to the outputs."""
    while not cancel.level:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        cancel.wait(_TICK)


def _run(facts: dict[str, Any], files: JobFiles, stream: StreamWriter, cancel: Cancel, lock: int) -> Outcome:
    attempt = int(os.environ.get("SLURM_RESTART_COUNT", 0)) + 1
    host = os.environ.get("SLURMD_NODENAME") or os.uname().nodename
    stream.event(Began(host, attempt))
    secrets = _secrets(files, stream, cancel, is_needed=facts["needs_secrets"], is_again=attempt > 1)
    if secrets is None:
        message = "it was started again, and its secrets were deleted when it first started"
        outcome = Outcome(Ending.NOT_STARTED, 1, message=message, hint="run it again: `proj run` gives them anew")
        return outcome._replace(host=host, attempt=attempt)
    job = _job(facts, secrets)
    executor = LocalExecutor(Path(facts["root"]), {**os.environ, **secrets["ambient"]}, grace=facts["grace"])
    outcome = executor.run(job, output=_Stream(stream), cancel=cancel, keep_open=(lock,))
    return outcome._replace(host=host, attempt=attempt)


def _job(facts: dict[str, Any], secrets: dict[str, Any]) -> Job:
    words = [secrets["words"].get(str(index), line) for index, line in enumerate(facts["lines"])]
    return Job(
        JobId(facts["step"], "", 0),
        tuple(Line(tuple(line), str(index), "") for index, line in enumerate(words)),
        shell=facts["shell"],
        workdir=facts["workdir"],
        env={**facts["env"], **secrets["env"]},
        timeout=facts["timeout"],
    )


def _secrets(
    files: JobFiles, stream: StreamWriter, cancel: Cancel, *, is_needed: bool, is_again: bool
) -> dict[str, Any] | None:
    """Read and delete the secrets. None if they are needed and no `proj` gives them."""
    found = _take(files.secrets)
    if found is None and is_needed and is_again:
        stream.event(NeedsSecrets())
        give_up = monotonic() + SECRETS_WAIT
        while found is None and monotonic() < give_up and not cancel.level:
            cancel.wait(_TICK)
            found = _take(files.secrets)
    if found is None and is_needed:
        return None
    return found or {"env": {}, "words": {}, "ambient": {}}


def _take(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        path.unlink()
    except FileNotFoundError:
        return None
    return found

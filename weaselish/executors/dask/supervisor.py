"""The process that runs one job on a worker. It ends the job when the worker asks for it, or is gone.

The worker writes to its standard input: the job and its directory, then levels of cancellation. What the job does goes
to its standard output.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import IO

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Job, Line
from weaselish.executors.dask.frames import DATA, ENDED, FAILED, LINE, read_frame, write_frame
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.own_program import with_own_program
from weaselish.executors.processes_in import end_processes_in


def main() -> None:
    """Run the job that the first message holds."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    job, directory, is_own, grace = read_frame(source)
    with Cancel() as cancel:
        threading.Thread(target=_listen, args=(source, cancel), daemon=True).start()
        executor = LocalExecutor(Path(directory), os.environ, grace=grace, dies_with_us=True)
        _run(executor, job, Path(directory), cancel, target, is_own=is_own)


def _run(
    executor: LocalExecutor, job: Job, directory: Path, cancel: Cancel, target: IO[bytes], *, is_own: bool
) -> None:
    output = _Frames(target)
    has_succeeded = False
    try:
        outcome = executor.run(with_own_program(job, sys.executable), output=output, cancel=cancel)
        has_succeeded = outcome.succeeded
        fields = {**outcome._asdict(), "ended": outcome.ended.value}
        write_frame(target, (ENDED, {name: value for name, value in fields.items() if name != "record"}))
    except ProjError as error:
        write_frame(target, (FAILED, error.message, error.hint))
    except BrokenPipeError:  # the worker is gone: no reader is left
        pass
    finally:
        if is_own and not has_succeeded:
            end_processes_in(directory)


def _listen(source: IO[bytes], cancel: Cancel) -> None:
    """Cancel the job as the worker asks; kill it when the worker is gone."""
    while (level := read_frame(source)) is not None:
        cancel.request(Level(level))
    cancel.request(Level.KILL)


class _Frames:
    """Writes what a job does as messages."""

    def __init__(self, target: IO[bytes]) -> None:
        self._next = 0  # the index of the line that starts next
        self._target = target

    def start_line(self, line: Line, program: str) -> None:
        write_frame(self._target, (LINE, self._next, program))
        self._next += 1

    def write(self, data: bytes) -> None:
        write_frame(self._target, (DATA, data))

    def replica(self, name: str) -> _Frames:
        """Return what receives the output of a replica: a job on Dask has none."""
        return self


if __name__ == "__main__":
    main()
    os._exit(0)  # a thread still waits for the worker

"""A program for the tests to run: gives one job to a LocalExecutor and copies its output to standard output.

Its argument is JSON: `lines` (lists of words), `result` (a file for the outcome), `stdin`, `timeout`; `thread`: run the
job in a thread; `ignore`: the names of signals to ignore; `no_pty`: behave as a system that has no pseudo-terminal.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.executors.base import Job, JobId, Line
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.stdin import Stdin


class Console:
    """A JobOutput that writes to standard output."""

    def start_line(self, line: Line, program: str) -> None:
        self.write(f"[{line.announced}]\n".encode())

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(1, data) :]

    def replica(self, name: str) -> Console:
        return self


def main(
    lines: list[list[str]],
    result: str,
    stdin: str = "null",
    thread: bool = False,
    ignore: tuple[str, ...] = (),
    no_pty: bool = False,
    **rest: Any,
) -> None:
    for name in ignore:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    if no_pty:
        os.openpty = _no_pty
    cancel = Cancel()
    script = tuple(Line(tuple(words), f"line {n}", "") for n, words in enumerate(lines))
    job = Job(JobId("test", "key", 1), script, **rest)
    executor = LocalExecutor(Path.cwd(), os.environ, stdin=Stdin(stdin), grace=0.3)

    def run() -> None:
        try:
            outcome = executor.run(job, output=Console(), cancel=cancel)
            text = f"{outcome.ended.name} {outcome.exit_code} {cancel.level.name}"
        except (ProjError, KeyboardInterrupt) as error:
            text = f"raised {type(error).__name__}"
        with open(result, "w") as file:
            file.write(text)

    if thread:
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()
    else:
        run()


def _no_pty() -> tuple[int, int]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))

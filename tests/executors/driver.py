"""A program for the tests to run: hands one job to a LocalExecutor, writes what comes to its standard output.

Its argument is JSON: `lines` (argvs), `result` (a file for the outcome), and what else Job takes; `thread`: run it in a
thread; `ignore`: the names of signals to ignore.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.executors.base import Job, Line
from weaselish.executors.local.executor import LocalExecutor


def main(lines: list[list[str]], result: str, thread: bool = False, ignore: tuple[str, ...] = (), **rest: Any) -> None:
    for name in ignore:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    cancel = Cancel()
    script = tuple(Line(tuple(argv), f"line {n}") for n, argv in enumerate(lines))
    job = Job("test", script, workdir=os.getcwd(), env=dict(os.environ), **rest)

    def run() -> None:
        try:
            outcome = LocalExecutor(grace=0.3).run(job, output=lambda chunk: write(1, chunk), cancel=cancel)
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


def write(fd: int, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(fd, chunk) :]


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))

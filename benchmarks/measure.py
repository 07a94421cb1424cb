"""One process and all that it started, measured as a whole."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_KEPT = ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE")


class Wrong(Exception):
    """What was measured did not do what it was measured for."""


class CannotDo(Exception):
    """A tool that has no way to do a work; the text says why."""


class TooLong(Exception):
    """Cut off after its limit, `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"cut off after {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Call:
    """A command line, and what it needs in its environment besides the few variables that all get."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0  # with which it ends when all is well


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a process and the descendants that were waited for."""

    cpu: float  # user and system time, seconds
    wall: float  # seconds
    memory: float  # peak resident size of the largest process, MiB; never less than that of the process that measures


def measure(call: Call, directory: Path, *, limit: float) -> Figures:
    """Run `call` in `directory`, its output into a file beside that. Raises Wrong if it fails, TooLong if it must end.

    What is still there of its process group when it ends is killed.
    """
    log = directory.with_name(f"{directory.name}.log")
    env = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"LANG": "C.UTF-8"} | dict(call.env)
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            call.argv,
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        timer = threading.Timer(limit, _kill, [process.pid])
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
        finally:
            timer.cancel()
            _kill(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)  # Popen must not wait for it again
    if wall >= limit:
        raise TooLong(limit)
    if process.returncode != call.exit_code:
        last = "".join(log.read_text(errors="replace").strip().splitlines()[-1:])[:200]
        raise Wrong(f"`{Path(call.argv[0]).name}` ended with exit code {process.returncode}: {last}")
    return Figures(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def medians(runs: Sequence[Figures]) -> Figures:
    return Figures(
        statistics.median(run.cpu for run in runs),
        statistics.median(run.wall for run in runs),
        statistics.median(run.memory for run in runs),
    )


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

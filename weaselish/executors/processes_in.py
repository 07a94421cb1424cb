"""Ends the processes that work in a directory, even those whose parents are gone."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_TICK = 0.02  # seconds between two looks at processes that are about to end
_PATIENCE = 5.0  # seconds: SIGKILL does not end a process that waits for a broken disk


def end_processes_in(directory: Path) -> None:
    """Kill the processes whose working directory is `directory` or below it, and wait until they are gone."""
    give_up = time.monotonic() + _PATIENCE
    while (living := _processes_in(os.path.realpath(directory))) and time.monotonic() < give_up:
        for pid in living:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_TICK)


def _processes_in(directory: str) -> list[int]:
    import psutil  # here, as most jobs end without anything left to look for

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            cwd = process.cwd()
            is_inside = cwd == directory or cwd.startswith(f"{directory}/")
            if is_inside and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                found.append(process.pid)
    return found

"""Requests to end a step, for the `proj` that runs it: the empty files `.proj/stops/COMMAND.RUN`.

The process that ends a script writes the file first. The `proj` of the step then knows that the script did not fail by
itself, does not try it again, and removes the file.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote


def stop_path(state: Path, command: str, run: int) -> Path:
    """Return the file that asks for the end of a run of a command."""
    return state.joinpath("stops", f"{quote(command, safe='')[:180]}.{run}")


def ask_to_stop(path: Path) -> None:
    """Write the request. On a full or read-only disk there is none: the step may then be tried again."""
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        path.touch()


def take_stop(path: Path) -> bool:
    """Remove the request. Return whether there was one."""
    if not os.access(path, os.F_OK):  # the usual case, which costs no exception
        return False
    try:
        path.unlink()
    except OSError:
        return False
    return True

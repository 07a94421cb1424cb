"""Tells the user that a long run has ended: by the terminal's bell, or by a command of the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from weaselish.cancel import Cancel, Level
from weaselish.cli.console import is_terminal, warn
from weaselish.named_tuple import NamedTuple

BELL = "\a"  # what `--notify` alone stands for
LONG = 60.0  # seconds: a shorter run does not notify
_LONGEST = 30.0  # seconds for the user's command
_TICK = 0.05  # seconds between two checks whether it has ended


class Ended(NamedTuple):
    """How a run ended."""

    targets: Sequence[str]
    exit_code: int
    seconds: float
    is_interrupted: bool = False

    @property
    def environ(self) -> dict[str, str]:
        """The variables for the user's command."""
        result = "interrupted" if self.is_interrupted else "failed" if self.exit_code else "done"
        return {
            "PROJ_RESULT": result,
            "PROJ_EXIT_CODE": str(self.exit_code),
            "PROJ_SECONDS": f"{self.seconds:.0f}",
            "PROJ_TARGETS": " ".join(self.targets),
        }


def notify(how: str | None, ended: Ended, cancel: Cancel, *, after: float = LONG, limit: float = _LONGEST) -> None:
    """Ring the bell or run the user's command, if the run took longer than `after` seconds.

    `how` is BELL or a line for the shell; without one, PROJ_NOTIFY is that line. A further request on `cancel` ends
    the command.
    """
    line = os.environ.get("PROJ_NOTIFY") if how is None else how
    if not line or ended.seconds <= after:
        return
    if line == BELL:
        if is_terminal(sys.stderr):
            print(BELL, end="", file=sys.stderr, flush=True)
        return
    try:
        failure = _run(line, ended.environ, cancel, limit)
    except (OSError, ValueError) as error:  # a null byte in the line
        failure = f"did not start: {error}"
    if failure:
        warn(f"the command of `--notify` {failure}")


def _run(line: str, environ: dict[str, str], cancel: Cancel, limit: float) -> str | None:
    """Run a line in the shell; return how it failed, None if it succeeded."""
    import subprocess

    before = cancel.level
    if before is Level.KILL:
        return "did not start: the run was killed"
    process = subprocess.Popen(
        line,
        shell=True,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=2,  # our stdout is for data
        start_new_session=True,  # Ctrl-C reaches it through `cancel` only
    )
    until = time.monotonic() + limit
    try:
        while process.poll() is None:
            if time.monotonic() >= until:
                return f"took longer than {limit:g} s, and was killed"
            if cancel.wait(_TICK, above=before) > before:
                return "was killed"
    finally:
        if process.poll() is None:
            _kill(process.pid)
            process.wait()
    return f"failed with exit code {process.returncode}" if process.returncode else None


def _kill(group: int) -> None:
    import signal
    from contextlib import suppress

    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

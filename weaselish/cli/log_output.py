"""`proj log --follow`, `--role` and `--replica`: the output of the last run, also while it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.cli.opening import show_note
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.output_lines import OutputLines
from weaselish.records.history import PastResult
from weaselish.records.logs import replica_logs

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.cancel import Cancel
    from weaselish.records.history import PastRun

_EVERY = 0.2  # seconds between two looks at a run that goes on
_BLOCK = 1 << 16


def show_output(
    project: Project, names: Sequence[str], *, role: str | None, replica: str | None, follow: bool, cancel: Cancel
) -> int:
    """Print the output of the last run that `names` stand for. With `follow`, go on until the run ends."""
    if replica is not None and role is None:
        raise UsageError("`--replica` needs `--role`", hint="for example `--role worker --replica 0`")
    run = _last(project, names)
    shown: dict[str, _ShownLog] = {}
    while True:
        goes_on = follow and run.result is PastResult.RUNNING
        for name, path in _logs(run, role, replica, may_be_missing=goes_on).items():
            log = shown.setdefault(name, _ShownLog(path, f"{name} │ " if role and replica is None else ""))
            log.show(is_over=not goes_on)
        sys.stdout.buffer.flush()
        if not goes_on:
            return 0
        cancel.sleep(_EVERY)
        run = _last(project, (str(run.run),), run.command)


def _last(project: Project, names: Sequence[str], command: str | None = None) -> PastRun:
    runs = [run for run in project.log(*names, on_event=show_note) if command in (None, run.command)]
    if not runs:
        raise ProjError(f"`{names[0]}` has not run yet" if names else "nothing has run here yet")
    if runs[-1].log is None:
        raise ProjError(f"the last run of `{runs[-1].command}` has no log")
    return runs[-1]


def _logs(run: PastRun, role: str | None, replica: str | None, *, may_be_missing: bool) -> dict[str, Path]:
    """Return the logs to show by the names of their replicas; without a role the one of the run."""
    assert run.log is not None
    if role is None:
        return {"": run.log}
    names = {replica.role: None for replica in replica_logs(run.log)}
    found = {one.name: one.path for one in replica_logs(run.log) if one.role == role and replica in (None, one.number)}
    if found or may_be_missing:
        return found
    if not names:
        raise ProjError(f"the last run of `{run.command}` had no roles", hint=f"proj log -v {run.command}")
    if role not in names:
        raise UnknownName("role", role, names)
    numbers = [one.number for one in replica_logs(run.log) if one.role == role]
    raise UnknownName(f"replica of `{role}`", replica or "", numbers)


class _ShownLog:
    """One log, and how far it was shown. With a prefix it is shown in lines."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix.encode()
        self._position = 0
        self._lines = OutputLines()

    def show(self, *, is_over: bool) -> None:
        """Print what was written since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._position)
                while block := file.read(_BLOCK):
                    self._write(block)
                self._position = file.tell()
        except OSError:
            return
        if is_over and self._prefix:
            self._write_lines(self._lines.end())

    def _write(self, block: bytes) -> None:
        if self._prefix:
            self._write_lines(self._lines.feed(block))
        else:
            sys.stdout.buffer.write(block)

    def _write_lines(self, lines: Sequence[bytes]) -> None:
        sys.stdout.buffer.write(b"".join(self._prefix + line + b"\n" for line in lines))

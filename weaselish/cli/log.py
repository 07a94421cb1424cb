"""`proj log`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from weaselish.cli.console import duration, paint, say, table
from weaselish.errors import UnknownName, in_short
from weaselish.records.history import PastRun, past_runs
from weaselish.workspace import Workspace


def show_log(workspace: Workspace, names: Sequence[str], *, most: int, verbose: bool, as_json: bool) -> int:
    """What ran, when, how long, why, with what result; the newest last."""
    project = workspace.project
    wanted = {step for name in names for step in (project.steps_of(name) if name in project.workflows else (name,))}
    runs = [run for run in past_runs(workspace.root) if not wanted or run.command in wanted]
    if wanted and not runs:
        _check_known(workspace, names)
    runs = runs[-most:]
    if as_json:
        print(json.dumps([_as_json(run, verbose=verbose) for run in runs], indent=2))
        return 0
    if not runs:
        say("nothing has run here yet")
        return 0
    if verbose:
        for run in runs:
            _show_whole(run)
        return 0
    rows = [(_when(run), run.command, _result(run), _took(run), in_short(run.reasons)) for run in runs]
    print(table(rows, ("when", "command", "result", "time", "why"), stream=sys.stdout))
    return 0


def _check_known(workspace: Workspace, names: Iterable[str]) -> None:
    known = [*workspace.project.commands, *workspace.project.workflows]
    for name in names:
        if name not in known:
            raise UnknownName("command or workflow", name, known)


def _show_whole(run: PastRun) -> None:
    head = f"{_when(run)}  {run.command}: {_result(run)} {_took(run)}".rstrip()
    print(paint(head, "bold", sys.stdout))
    if run.reasons:
        print(f"why: {'; '.join(run.reasons)}")
    if run.log is None:
        print("its output is not kept\n")
        return
    sys.stdout.flush()
    with open(run.log, "rb") as file:
        while block := file.read(1 << 16):
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    print()


def _when(run: PastRun) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))


def _result(run: PastRun) -> str:
    return f"failed ({run.exit_code})" if run.result == "failed" and run.exit_code is not None else run.result


def _took(run: PastRun) -> str:
    return "" if run.seconds is None else duration(run.seconds)


def _as_json(run: PastRun, *, verbose: bool) -> dict[str, Any]:
    output = {}
    if verbose and run.log is not None:
        output = {"output": run.log.read_text("utf-8", "replace")}
    return {
        "run": run.run,
        "command": run.command,
        "started": run.started,
        "seconds": run.seconds,
        "result": run.result,
        "exit_code": run.exit_code,
        "reasons": list(run.reasons),
        "log": str(run.log) if run.log else None,
        **output,
    }

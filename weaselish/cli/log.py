"""`proj log`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import say, show, show_heading, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import JSON, NAMES, Call, Option, Subcommand, Takes
from weaselish.cli.units import shown_duration, shown_time
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.records.history import PastRun


def log(call: Call, *, most: int, as_json: bool) -> int:
    """Show past runs, the newest last; with `--verbose`, with their output."""
    names, directory = names_and_directory(call.words)
    runs = open_project(call, directory).log(*names, most=most, on_event=show_note)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(run, verbose=call.is_verbose) for run in runs])
    elif not runs:
        say("nothing has run here yet")
    elif call.is_verbose:
        for run in runs:
            _show_with_output(run)
    else:
        rows = [(shown_time(run.started), run.command, _result(run), _took(run), in_short(run.reasons)) for run in runs]
        show_table(rows, ("when", "command", "result", "time", "why"))
    return 0


def _show_with_output(run: PastRun) -> None:
    show_heading(f"{shown_time(run.started)}  {run.command}: {_result(run)} {_took(run)}".rstrip())
    if run.reasons:
        show(f"why: {'; '.join(run.reasons)}")
    if run.log is None:
        show("the log of this run no longer exists\n")
        return
    from weaselish.records.logs import read_log

    sys.stdout.flush()
    for block in read_log(run.log):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    show()


def _result(run: PastRun) -> str:
    is_failed = run.result.value == "failed" and run.exit_code is not None
    return f"failed ({run.exit_code})" if is_failed else run.result.value


def _took(run: PastRun) -> str:
    return "" if run.seconds is None else shown_duration(run.seconds)


def _as_json(run: PastRun, *, verbose: bool) -> dict[str, Any]:
    output = {}
    if verbose and run.log is not None:
        from weaselish.records.logs import read_log

        output = {"output": b"".join(read_log(run.log)).decode("utf-8", "replace")}
    return {
        "run": run.run,
        "command": run.command,
        "started": run.started,
        "seconds": run.seconds,
        "result": run.result.value,
        "exit_code": run.exit_code,
        "reasons": list(run.reasons),
        "log": str(run.log) if run.log else None,
        **output,
    }


SUBCOMMANDS = (
    Subcommand(
        "log",
        log,
        "Show past runs: when, how long, why, and with what result.\n\n`--verbose` includes their output.",
        (Option("most", ("--most", "-n"), "Show the last N runs.", Takes.NUMBER, "N", 30), JSON),
        arguments=NAMES,
        examples=("proj log", "proj log -v train", "proj log all -n 5"),
    ),
)

"""`proj log`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import say, show, show_heading, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import DIRECTORY, JSON, MARKDOWN, RUNS, Call, Option, Subcommand, Takes, Values
from weaselish.cli.units import shown_duration, shown_time
from weaselish.errors import in_short
from weaselish.plan.run_ids import short_ids

if TYPE_CHECKING:
    from weaselish.records.history import PastRun


def log(
    call: Call,
    *,
    most: int,
    role: str | None,
    replica: str | None,
    follow: bool,
    metrics: bool,
    sort: str | None,
    plot: str | None,
    svg: str | None,
    as_json: bool,
    as_markdown: bool,
) -> int:
    """Show past runs, the newest last; with `--verbose`, with their output; or their metrics."""
    names, directory = names_and_directory(call.words)
    project = open_project(call, directory)
    if role is not None or replica is not None or follow:
        from weaselish.cli.log_output import show_output

        return show_output(project, names, role=role, replica=replica, follow=follow, cancel=call.cancel)
    if metrics or sort or plot or svg or as_markdown:
        from weaselish.cli.metrics import MetricsView, show_metrics

        return show_metrics(project, names, MetricsView(most, sort, plot, svg, as_json, as_markdown))
    runs = project.log(*names, most=most, on_event=show_note)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(run, verbose=call.is_verbose) for run in runs])
    elif not runs:
        say("nothing has run here yet")
    elif call.is_verbose:
        for index, run in enumerate(runs):
            if index:
                show()
            _show_with_output(run)
    else:
        ids = short_ids(run.run for run in runs)
        rows = [
            (ids[run.run], shown_time(run.started), run.command, _result(run), _took(run), in_short(run.reasons))
            for run in runs
        ]
        show_table(rows, ("run", "when", "command", "result", "time", "why"))
    return 0


def _show_with_output(run: PastRun) -> None:
    show_heading(f"{shown_time(run.started)}  {run.command}: {_result(run)} {_took(run)}".rstrip())
    show(f"run: {run.run}")
    if run.reasons:
        show(f"why: {'; '.join(run.reasons)}")
    if run.message:
        show(f"message: {run.message}")
    if run.log is None:
        from weaselish.records.history import PastResult

        is_from_elsewhere = run.result in (PastResult.PULLED, PastResult.RESTORED, PastResult.ACCEPTED)
        show("no script ran here" if is_from_elsewhere else "the log of this run no longer exists")
        return
    from weaselish.records.logs import read_log

    sys.stdout.flush()
    block = b""
    for block in read_log(run.log):
        sys.stdout.buffer.write(block)
    if block and not block.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


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
        "message": run.message,
        "reasons": list(run.reasons),
        "log": str(run.log) if run.log else None,
        **({"metrics": {path: dict(values) for path, values in run.metrics.items()}} if run.metrics else {}),
        **output,
    }


SUBCOMMANDS = (
    Subcommand(
        "log",
        log,
        "Show past runs: when, how long, why, with what result.\n\n`--verbose` includes their output. "
        "`--metrics` compares what the runs wrote into their metrics files; a name may then be that of a metric.",
        (
            Option("most", ("--most", "-n"), "Show the last N runs, or a ranking's first N.", Takes.NUMBER, "N", 30),
            Option(
                "role",
                ("--role",),
                "Print the output of this role in the last run.",
                Takes.TEXT,
                "ROLE",
                values=Values.ROLES,
            ),
            Option("replica", ("--replica",), "Only the output of replica N; the first is 0.", Takes.TEXT, "N"),
            Option("follow", ("--follow", "-f"), "Print the output of the last run, and go on until the run ends."),
            Option("metrics", ("--metrics",), "Show the metrics of the runs."),
            Option(
                "sort",
                ("--sort",),
                "Rank the runs by a metric, highest first; `--sort=-METRIC` lowest first.",
                Takes.TEXT,
                "METRIC",
            ),
            Option("plot", ("--plot",), "Draw a metric over the runs.", Takes.TEXT, "METRIC"),
            Option("svg", ("--svg",), "Draw the plot into this file.", Takes.TEXT, "FILE", values=Values.FILES),
            JSON,
            MARKDOWN,
        ),
        arguments=(RUNS, DIRECTORY),
        examples=(
            "proj log",
            "proj log -v train",
            "proj log train --role worker -f",
            "proj log --metrics --sort accuracy",
            "proj log --plot loss train",
        ),
    ),
)

"""`proj status`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.changes import CHANGES, with_changes
from weaselish.cli.console import show_table
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import JSON, NAMES, Call, Option, Subcommand, Takes, Values
from weaselish.cli.units import shown_age, shown_size
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.engine.status import StepStatus


def status(call: Call, *, changes: tuple[str, ...], check: bool, remote: str | None, cache: bool, as_json: bool) -> int:
    """Show each step with its status and reasons. With `check`, return 1 if any must run."""
    names, directory = names_and_directory(call.words)
    project = open_project(with_changes(call, names, changes), directory)
    from weaselish.cli.activity import ActivityReporter

    with ActivityReporter() as reporter:
        steps = project.status(*names, remote=remote, cache=cache, on_event=reporter, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(step) for step in steps])
    else:
        header = ("step", "state", *([f"on {remote}"] if remote else []), *(["cache"] if cache else []), "why")
        most = sys.maxsize if call.is_verbose else 8
        rows = [
            (
                step.step,
                shown_status(step),
                *([step.on_remote or ""] if remote else []),
                *([_cached(step)] if cache else []),
                in_short(step.reasons, most=most),
            )
            for step in steps
        ]
        show_table(rows, header)
    return 1 if check and any(step.must_run for step in steps) else 0


def _cached(step: StepStatus) -> str:
    """Return what the cache holds of a step that has no outputs on the disk, or other ones."""
    from weaselish.engine.cache.forecast import Action

    if step.forecast is None or step.forecast.action not in (Action.LEAVE, Action.RESTORE):
        return ""
    return shown_size(step.forecast.size)


def shown_status(step: StepStatus) -> str:
    """Return the status in words; of a failed step with its exit code and age."""
    if step.failed_at is None:
        return step.status.value
    code = "" if step.exit_code is None else f"exit {step.exit_code}, "
    return f"failed ({code}{shown_age(step.failed_at)} ago)"


def combined_status(steps: Sequence[StepStatus]) -> str:
    """Return the status of several steps in words: `2 up to date, 1 never ran`; without a number if all agree."""
    counts = Counter(step.status for step in steps)
    if len(counts) == 1:
        return steps[0].status.value
    return ", ".join(f"{counts[status]} {status.value}" for status in type(steps[0].status) if status in counts)


def _as_json(step: StepStatus) -> dict[str, object]:
    failure = {"failed_at": step.failed_at, "exit_code": step.exit_code} if step.failed_at is not None else {}
    return {
        "step": step.step,
        "state": step.status.value,
        "reasons": [str(reason) for reason in step.reasons],
        "key": step.key,
        "run": step.run,
        **failure,
        **({"remote": step.on_remote} if step.on_remote is not None else {}),
        **({"cache": step.forecast.action.value, "size": step.forecast.size} if step.forecast is not None else {}),
    }


SUBCOMMANDS = (
    Subcommand(
        "status",
        status,
        "Show which commands are up to date, or why they are not.",
        (
            Option("check", ("--check",), "Exit with 1 if a step must run; steps that always run do not count."),
            Option(
                "remote", ("--remote",), "Include what is on this remote.", Takes.TEXT, "REMOTE", values=Values.REMOTES
            ),
            Option("cache", ("--cache",), "Count outputs that the run cache holds as present."),
            CHANGES,
            JSON,
        ),
        arguments=NAMES,
        examples=("proj status", "proj status train --remote default", "proj status --check"),
    ),
)

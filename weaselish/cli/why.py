"""`proj why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.changes import CHANGES, with_changes
from weaselish.cli.console import show, show_heading
from weaselish.cli.opening import open_project
from weaselish.cli.status import shown_status
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Subcommand, Values
from weaselish.cli.units import shown_age, shown_duration, shown_time
from weaselish.errors import UsageError, in_short

if TYPE_CHECKING:
    from weaselish.engine.why import Why
    from weaselish.records.history import PastRun


def why(call: Call, *, changes: tuple[str, ...], as_json: bool) -> int:
    """Explain commands: their reasons to run, their last run, and what follows."""
    names, directory = names_and_directory(call.words)
    if not names:
        raise UsageError("name a command", hint="proj why STEP")
    call = with_changes(call, names, changes)
    project = open_project(call, directory)
    from weaselish.cli.activity import ActivityReporter

    with ActivityReporter() as reporter:
        found = project.why(*names, sources=call.extras.sources, on_event=reporter, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(one) for one in found])
        return 0
    for index, one in enumerate(found):
        if index:
            show()
        _show(one)
    return 0


def _show(one: Why) -> None:
    show_heading(f"{one.status.step}: {shown_status(one.status)}")
    if one.causes:
        show("  it would run because")
    for cause in one.causes:
        show(f"    {cause.reason}")
        for source in cause.sources:
            show(f"      {source}")
    show(f"  last run\n    {_last(one.last)}" if one.last else "  last run\n    none in this directory")
    if one.followers:
        show(f"  downstream\n    {in_short(one.followers, most=20, separator=', ')}")


def _last(run: PastRun) -> str:
    took = "" if run.seconds is None else f", took {shown_duration(run.seconds)}"
    reasons = f"\n    because: {in_short(run.reasons)}" if run.reasons else ""
    when = f"{shown_time(run.started)} ({shown_age(run.started)} ago)"
    return f"{run.result.value}: run {str(run.run)[-6:]}, {when}{took}{reasons}"


def _as_json(one: Why) -> dict[str, object]:
    last = one.last
    return {
        "step": one.status.step,
        "state": one.status.status.value,
        "reasons": [
            {**cause.reason._asdict(), "kind": cause.reason.kind.value, "sources": list(cause.sources)}
            for cause in one.causes
        ],
        "last": last
        and {
            "run": last.run,
            "started": last.started,
            "seconds": last.seconds,
            "result": last.result.value,
            "reasons": list(last.reasons),
        },
        "downstream": list(one.followers),
    }


STEP = Argument("STEP", "A command or workflow.", Values.TARGETS, is_required=True, is_repeated=True)

SUBCOMMANDS = (
    Subcommand(
        "why",
        why,
        "Explain why a step would run, reason by reason.\n\n"
        "It names the files inside a directory, the variables and their lines in project.yml, and the steps before it. "
        "Then it shows when and why the step last ran, and which steps need its outputs.",
        (CHANGES, JSON),
        arguments=(STEP, DIRECTORY),
        examples=("proj why train", "proj why train --vars.epochs 5", "proj why evaluate --json"),
    ),
)

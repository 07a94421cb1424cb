"""`proj status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import show_table, warn
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import JSON, NAMES_HELP, Call, Option, Subcommand, Takes
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.engine.run.planning import Preview
    from weaselish.workspace import Workspace


def status(call: Call, *, check: bool, remote: str | None, as_json: bool) -> int:
    """Show each step with its state and reasons. With `check`, return 1 if any is out of date."""
    names, directory = names_and_directory(call.words)
    workspace = open_workspace(call, directory)
    previews = previews_of(workspace, names)
    on_remote = _remote_states(workspace, remote, previews)
    workspace.save()
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_status_json(item, on_remote) for item in previews])
    else:
        header = ("step", "state", *([f"on {remote}"] if remote else []), "why")
        rows = [
            (item.step, state_of(item), *([on_remote.get(item.step, "")] if remote else []), in_short(item.reasons))
            for item in previews
        ]
        show_table(rows, header)
    if workspace.records.problem:
        warn(f"{workspace.records.problem}; it counts as empty")
    return 1 if check and any(item.reasons for item in previews) else 0


def _remote_states(workspace: Workspace, remote: str | None, previews: Sequence[Preview]) -> dict[str, str]:
    if remote is None:
        return {}
    from weaselish.cli.remotes import find_remote, remote_states

    return remote_states(workspace, find_remote(workspace, remote), previews)


def _status_json(item: Preview, on_remote: Mapping[str, str]) -> dict[str, object]:
    return {
        "step": item.step,
        "state": state_of(item),
        "reasons": [str(reason) for reason in item.reasons],
        "key": item.staleness.now.key if item.staleness else None,
        "run": item.staleness.last.run if item.staleness and item.staleness.last else None,
        **({"remote": on_remote[item.step]} if item.step in on_remote else {}),
    }


def previews_of(workspace: Workspace, targets: Sequence[str]) -> list[Preview]:
    from weaselish.engine.run.planning import plan_for, preview
    from weaselish.plan.graph import Cycle

    if not targets:
        targets = list(workspace.project.commands)
    try:
        plan = plan_for(workspace, targets, lenient=True)
    except Cycle as error:
        warn(error.message, error.hint)
        plan = plan_for(workspace, targets, only=True)
    return preview(workspace, plan)


def state_of(item: Preview) -> str:
    if item.staleness is None:
        return "unknown"
    return "stale" if item.reasons else "up to date"


SUBCOMMANDS = (
    Subcommand(
        "status",
        status,
        "Show which commands are up to date, and why the others are not.",
        (
            Option("check", ("--check",), "Exit with 1 if a step is out of date."),
            Option("remote", ("--remote",), "Include what is on this remote.", Takes.TEXT, "NAME"),
            JSON,
        ),
        usage="[NAME]... [DIR]",
        words_help=NAMES_HELP,
        most_words=None,
        examples=("proj status", "proj status train --remote default", "proj status --check"),
    ),
)

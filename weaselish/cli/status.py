"""`proj status`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import show_table, warn
from weaselish.cli.opening import open_workspace, warn_of_broken_lock
from weaselish.cli.subcommand import JSON, NAMES_HELP, Call, Option, Subcommand, Takes
from weaselish.cli.units import shown_age
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.engine.run.planning import Preview
    from weaselish.engine.status import StepStatus
    from weaselish.workspace import Workspace


def status(call: Call, *, check: bool, remote: str | None, as_json: bool) -> int:
    """Show each step with its status and reasons. With `check`, return 1 if any must run."""
    from weaselish.engine.status import statuses

    names, directory = names_and_directory(call.words)
    workspace = open_workspace(call, directory)
    previews = previews_of(workspace, names)
    on_remote = _remote_states(workspace, remote, previews)
    steps = statuses(workspace, previews)
    workspace.save()
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(step, on_remote) for step in steps])
    else:
        header = ("step", "state", *([f"on {remote}"] if remote else []), "why")
        most = sys.maxsize if call.is_verbose else 8
        rows = [
            (
                step.step,
                shown_status(step),
                *([on_remote.get(step.step, "")] if remote else []),
                in_short(step.reasons, most=most),
            )
            for step in steps
        ]
        show_table(rows, header)
    warn_of_broken_lock(workspace)
    return 1 if check and any(step.must_run for step in steps) else 0


def shown_status(step: StepStatus) -> str:
    """Return the status in words; of a failed step with its exit code and age."""
    if step.failed_at is None:
        return step.status.value
    code = "" if step.exit_code is None else f"exit {step.exit_code}, "
    return f"failed ({code}{shown_age(step.failed_at)} ago)"


def _remote_states(workspace: Workspace, remote: str | None, previews: Sequence[Preview]) -> Mapping[str, str]:
    if remote is None:
        return {}
    from weaselish.cli.remotes import store_opener
    from weaselish.engine.remote.resolve import find_remote
    from weaselish.engine.remote.states import remote_states

    return remote_states(workspace, find_remote(workspace, remote), previews, open_store=store_opener(workspace))


def _as_json(step: StepStatus, on_remote: Mapping[str, str]) -> dict[str, object]:
    failure = {"failed_at": step.failed_at, "exit_code": step.exit_code} if step.failed_at is not None else {}
    return {
        "step": step.step,
        "state": step.status.value,
        "reasons": [str(reason) for reason in step.reasons],
        "key": step.key,
        "run": step.run,
        **failure,
        **({"remote": on_remote[step.step]} if step.step in on_remote else {}),
    }


def previews_of(workspace: Workspace, targets: Sequence[str]) -> list[Preview]:
    """Preview the targets, or all commands; after a cycle, each command by itself."""
    from weaselish.engine.run.planning import plan_for, preview
    from weaselish.plan.sequence import Cycle

    if not targets:
        targets = list(workspace.project.commands)
    try:
        plan = plan_for(workspace, targets, lenient=True)
    except Cycle as error:
        warn(error.message, error.hint)
        plan = plan_for(workspace, targets, only=True)
    return preview(workspace, plan)


SUBCOMMANDS = (
    Subcommand(
        "status",
        status,
        "Show which commands are up to date, and why the others are not.",
        (
            Option("check", ("--check",), "Exit with 1 if a step must run; steps that always run do not count."),
            Option("remote", ("--remote",), "Include what is on this remote.", Takes.TEXT, "NAME"),
            JSON,
        ),
        usage="[NAME]... [DIR]",
        words_help=NAMES_HELP,
        most_words=None,
        examples=("proj status", "proj status train --remote default", "proj status --check"),
    ),
)

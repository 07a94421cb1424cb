"""`proj status`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from weaselish.cli.console import table, warn
from weaselish.engine.run.planning import Preview, plan_for, preview
from weaselish.errors import in_short
from weaselish.plan.graph import Cycle
from weaselish.workspace import Workspace


def show_status(workspace: Workspace, targets: Sequence[str], *, check: bool, remote: str | None, as_json: bool) -> int:
    """Each step with its state and reasons. With `check`, 1 if any is stale."""
    previews = previews_of(workspace, targets)
    there = _remote_states(workspace, remote, previews)
    workspace.save()
    if as_json:
        print(json.dumps([_status_json(item, there) for item in previews], indent=2))
    else:
        header = ("step", "state", *(["on " + remote] if remote else []), "why")
        rows = [
            (
                item.step,
                state_of(item),
                *([there.get(item.step, "")] if remote else []),
                in_short(item.reasons),
            )
            for item in previews
        ]
        print(table(rows, header, stream=sys.stdout))
    if workspace.records.problem:
        warn(f"{workspace.records.problem}; it counts as empty")
    return 1 if check and any(item.reasons for item in previews) else 0


def _remote_states(workspace: Workspace, remote: str | None, previews: Sequence[Preview]) -> dict[str, str]:
    if remote is None:
        return {}
    from weaselish.cli.remotes import find_remote, remote_states

    return remote_states(workspace, find_remote(workspace, remote), previews)


def _status_json(item: Preview, there: Mapping[str, str]) -> dict[str, object]:
    return {
        "step": item.step,
        "state": state_of(item),
        "reasons": [str(reason) for reason in item.reasons],
        "key": item.staleness.now.key if item.staleness else None,
        "run": item.staleness.last.run if item.staleness and item.staleness.last else None,
        **({"remote": there[item.step]} if item.step in there else {}),
    }


def previews_of(workspace: Workspace, targets: Sequence[str]) -> list[Preview]:
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

"""`proj run --dry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weaselish.cli.console import show, warn
from weaselish.cli.opening import show_notices, warn_of_broken_lock
from weaselish.engine.run.job import announced_lines
from weaselish.engine.run.planning import Preview, check_usable, plan_for, preview
from weaselish.engine.run.run import RunOptions
from weaselish.errors import in_short
from weaselish.plan.sequence import listed_commands
from weaselish.workspace import Workspace

_Args = Mapping[str, tuple[str, ...]]


def dry_run(workspace: Workspace, targets: Sequence[str], options: RunOptions, *, as_json: bool = False) -> int:
    """Print each step that would run, why, and its lines. Changes nothing."""
    plan = plan_for(workspace, targets, only=options.only, lenient=True, note=lambda text: warn(text))
    check_usable(workspace, (*targets, *plan.steps))
    show_notices(workspace.project)
    forced = frozenset(listed_commands(workspace.project, targets)) if options.force else frozenset()
    args = {targets[-1]: options.args} if options.args else {}
    previews = preview(workspace, plan, forced=forced, args=args)
    workspace.save()
    warn_of_broken_lock(workspace)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(workspace, item, args) for item in previews])
        return 0
    for item in previews:
        if item.reasons:
            show(f"{item.step}: {in_short(item.reasons)}")
            for line in announced_lines(workspace, plan.command(item.step), args.get(item.step, ())):
                show(f"Would run: {line}")
        for dep in item.staleness.missing_deps if item.staleness else ():
            if dep in plan.sources[item.step]:
                show(f"`{item.step}` needs `{dep}`, which does not exist")
    if not any(item.reasons for item in previews):
        show("nothing to do")
    return 0


def _as_json(workspace: Workspace, item: Preview, args: _Args) -> dict[str, Any]:
    command = workspace.project.commands[item.step.command]
    return {
        "step": item.step,
        "runs": bool(item.reasons),
        "reasons": [str(reason) for reason in item.reasons],
        "lines": announced_lines(workspace, command, args.get(item.step, ())) if item.reasons else [],
    }

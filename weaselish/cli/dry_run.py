"""`proj run --dry`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from weaselish.cli.console import say, warn
from weaselish.engine.run.job import shown_lines
from weaselish.engine.run.planning import plan_for, preview
from weaselish.engine.run.run import RunOptions
from weaselish.errors import in_short
from weaselish.plan.graph import listed_steps
from weaselish.workspace import Workspace


def dry_run(workspace: Workspace, targets: Sequence[str], options: RunOptions, *, as_json: bool = False) -> int:
    """Print the lines that would run on stdout, and why on stderr. Changes nothing."""
    plan = plan_for(workspace, targets, only=options.only, lenient=True, note=lambda text: warn(text))
    forced = frozenset(listed_steps(workspace.project, targets)) if options.force else frozenset()
    args = {targets[-1]: options.args} if options.args else {}
    previews = preview(workspace, plan, forced=forced, args=args)
    if as_json:
        print(json.dumps([_preview_json(workspace, item.step, item.reasons, args) for item in previews], indent=2))
    else:
        for item in previews:
            if item.reasons:
                say(f"{item.step}: {in_short(item.reasons)}")
                for line in shown_lines(workspace, plan.command(item.step), args.get(item.step, ())):
                    print(f"Running command: {line}", flush=True)
            for dep in item.staleness.missing_deps if item.staleness else ():
                if dep in plan.sources[item.step]:
                    warn(f"`{item.step}` needs `{dep}`, which is not there")
    workspace.save()
    return 0


def _preview_json(workspace: Workspace, step: str, reasons: Sequence[object], args: dict[str, Any]) -> dict[str, Any]:
    command = workspace.project.commands[step]
    return {
        "step": step,
        "runs": bool(reasons),
        "reasons": [str(reason) for reason in reasons],
        "lines": shown_lines(workspace, command, args.get(step, ())) if reasons else [],
    }

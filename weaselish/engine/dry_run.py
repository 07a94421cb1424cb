"""Previews a run: which steps would run, why, and with which script lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.run.job import announced_lines
from weaselish.engine.run.planning import check_usable, plan_for, preview
from weaselish.plan.reasons import Reason
from weaselish.plan.sequence import Step, listed_commands
from weaselish.workspace import Workspace


class PlannedStep(NamedTuple):
    """A step of a plan. Without reasons it is up to date and has no lines."""

    step: Step
    reasons: tuple[Reason, ...]
    lines: tuple[str, ...]  # as a run would announce them
    missing_deps: tuple[str, ...]  # that no earlier step produces


def preview_run(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    only: bool,
    force: bool,
    args: tuple[str, ...],
    report: events.Reporter,
) -> list[PlannedStep]:
    """Return the steps that a run of `targets` would consider, in order. Changes nothing."""
    plan = plan_for(workspace, targets, only=only, lenient=True, note=lambda text: report(events.Note(text)))
    check_usable(workspace, (*targets, *plan.steps))
    forced = frozenset(listed_commands(workspace.project, targets)) if force else frozenset()
    args_of = {targets[-1]: args} if args else {}
    steps = []
    for item in preview(workspace, plan, forced=forced, args=args_of):
        command, missing = plan.command(item.step), item.staleness.missing_deps if item.staleness else ()
        lines = announced_lines(workspace, command, args_of.get(item.step, ())) if item.reasons else ()
        sources = plan.sources[item.step]
        steps.append(
            PlannedStep(item.step, item.reasons, tuple(lines), tuple(dep for dep in missing if dep in sources))
        )
    report_broken_lock(workspace, report)
    return steps

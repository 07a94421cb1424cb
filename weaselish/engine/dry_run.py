"""Previews a run: which steps would run, why, and with which script lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.run.job import announced_lines
from weaselish.engine.run.planning import Preview, args_of, check_usable, named_commands, plan_for, preview
from weaselish.engine.status import Status, statuses
from weaselish.plan.reasons import Reason
from weaselish.plan.selection import Selection
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace


class PlannedStep(NamedTuple):
    """A step of a plan. Without reasons it would not run and has no lines."""

    step: Step
    status: Status
    reasons: tuple[Reason, ...]
    lines: tuple[str, ...]  # as a run would announce them
    missing_deps: tuple[str, ...]  # that no earlier step produces


def preview_run(
    workspace: Workspace,
    targets: Sequence[str],
    selection: Selection,
    *,
    args: tuple[str, ...],
    report: events.Reporter,
) -> list[PlannedStep]:
    """Return the steps that a run of `targets` would consider, in order. Changes nothing."""
    named = named_commands(workspace.project, targets, selection)
    plan = plan_for(workspace, targets, selection, lenient=True, named=named, note=report)
    given = args_of(plan, args)
    check_usable(workspace, (*targets, *plan.commands))
    steps = []
    previews = preview(workspace, plan, forced=selection.forced(plan), args=given)
    for item, step in zip(previews, statuses(previews), strict=True):
        command, missing = plan.command(item.step), _missing_deps(item)
        lines = announced_lines(workspace, command, given.get(item.step, ())) if item.reasons else ()
        sources = plan.sources[item.step]
        steps.append(
            PlannedStep(
                item.step, step.status, item.reasons, tuple(lines), tuple(dep for dep in missing if dep in sources)
            )
        )
    report_broken_lock(workspace, report, may_replace=False)
    return steps


def _missing_deps(item: Preview) -> tuple[str, ...]:
    """Return the deps that do not exist; none for a step that would not run."""
    return item.staleness.missing_deps if item.staleness and not item.is_unrecorded else ()

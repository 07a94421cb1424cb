"""Previews a run: which steps would run, why, and with which script lines."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.engine import events
from weaselish.engine.artifacts.pins import imported
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.cache.forecast import NOTHING, Action, Forecast, foretell, with_forecasts
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.run.caching import Caching
from weaselish.engine.run.job import announced_lines
from weaselish.engine.run.planning import args_of, check_usable, explicitly_named, plan_for
from weaselish.engine.run.preview import Preview, preview
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.status import Status, statuses
from weaselish.model.targets import listed_commands
from weaselish.named_tuple import NamedTuple
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
    forecast: Forecast = NOTHING


def preview_run(
    workspace: Workspace,
    targets: Sequence[str],
    selection: Selection,
    *,
    args: tuple[str, ...],
    cache: str | None,
    open_store: OpenStore,
    report: events.Reporter,
) -> list[PlannedStep]:
    """Return the steps that a run of `targets` would consider, in order. Changes nothing.

    `cache` names the run cache instead of project.yml. Asks the cache what it holds, and downloads no output.
    """
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    named = explicitly_named(workspace.project, targets, selection)
    plan = plan_for(workspace, targets, selection, lenient=True, named=named, note=report)
    given = args_of(plan, args)
    check_usable(workspace, (*targets, *plan.commands))
    steps = []
    forced = selection.forced(plan)
    previews = preview(workspace, plan, forced=forced, args=given, report=serial)
    caching = Caching(workspace, cache, open_store, serial)
    forecasts = foretell(
        workspace, plan, caching, named=listed_commands(plan.project, plan.targets), forced=forced, args=given
    )
    for item, step in zip(previews, statuses(previews), strict=True):
        command, missing = plan.command(item.step), _missing_deps(workspace, item)
        lines = announced_lines(workspace, command, given.get(item.step, ())) if item.reasons else ()
        sources, forecast = plan.sources[item.step], forecasts.get(item.step, NOTHING)
        if forecast.action in (Action.NOTHING, Action.LEAVE, Action.RESTORE):
            lines, missing = (), ()
        steps.append(
            PlannedStep(
                item.step,
                step.status,
                with_forecasts(item.reasons, forecasts),
                tuple(lines),
                tuple(dep for dep in missing if dep in sources),
                forecast,
            )
        )
    report_broken_lock(workspace, report, may_replace=False)
    return steps


def _missing_deps(workspace: Workspace, item: Preview) -> tuple[str, ...]:
    """Return the deps that do not exist and that a run does not fetch; none for a step that would not run."""
    if item.staleness is None or item.is_unrecorded:
        return ()
    return tuple(dep for dep in item.staleness.missing_deps if dep not in imported(workspace))

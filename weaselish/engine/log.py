"""Selects past runs by commands, workflows, globs and run ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.metrics_table import MetricsTable, metrics_table
from weaselish.errors import BrokenState, UnknownName
from weaselish.model.targets import recorded_commands
from weaselish.plan.run_ids import find_run
from weaselish.records.history import PastRun, past_runs
from weaselish.workspace import Workspace


def runs_of(workspace: Workspace, names: Sequence[str], *, report: events.Reporter) -> list[PastRun]:
    """Return the past runs that `names` stand for, or all, the newest last. Raises UnknownName and UnknownRun.

    A command that project.yml no longer defines may be named as long as a run of it is on record.
    """
    runs = _runs(workspace, report)
    if not names:
        return runs
    kept = {(run.run, run.command) for name in names for run in _runs_named(workspace, name, runs)}
    return [run for run in runs if (run.run, run.command) in kept]


def metrics_of(workspace: Workspace, names: Sequence[str], *, report: events.Reporter) -> MetricsTable:
    """Return the metrics of past runs. A name that stands for no runs is that of a metric, or a glob over metrics.

    Raises UnknownName and UnknownRun.
    """
    runs = _runs(workspace, report)
    targets, metrics = [], []
    for name in names:
        try:
            targets.append(_runs_named(workspace, name, runs))
        except UnknownName:
            metrics.append(name)
    kept = {(run.run, run.command) for named in targets for run in named}
    table = metrics_table(run for run in runs if not targets or (run.run, run.command) in kept)
    try:
        return table.selected(metrics) if metrics else table
    except UnknownName as error:
        project = workspace.project
        defined = [*project.workflows, *project.written, *table.columns]
        raise UnknownName("command, workflow or metric", error.name, defined) from None


def _runs(workspace: Workspace, report: events.Reporter) -> list[PastRun]:
    runs = past_runs(workspace.root)
    try:
        report_broken_lock(workspace, report, may_replace=False)
    except BrokenState as error:  # the history does not need project.lock
        report(events.Note(error.message, error.hint))
    return runs


def _runs_named(workspace: Workspace, name: str, runs: Iterable[PastRun]) -> list[PastRun]:
    """Return the runs of what a name stands for, or the run with that id."""
    try:
        commands = set(recorded_commands(workspace.project, name, {run.command for run in runs}))
    except UnknownName:
        if not name.isdecimal():
            raise
        found = find_run(name, [run.run for run in runs])
        return [run for run in runs if run.run == found]
    return [run for run in runs if run.command in commands]

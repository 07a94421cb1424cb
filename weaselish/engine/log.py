"""Selects past runs by commands and workflows."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.errors import BrokenState
from weaselish.model.targets import recorded_commands
from weaselish.records.history import PastRun, past_runs
from weaselish.workspace import Workspace


def runs_of(workspace: Workspace, names: Sequence[str], *, report: events.Reporter) -> list[PastRun]:
    """Return the past runs of the commands and workflows named, or all, the newest last. Raises UnknownName.

    A command that project.yml no longer defines may be named as long as a run of it is on record.
    """
    project = workspace.project
    runs = past_runs(workspace.root)
    recorded = {run.command for run in runs}
    selected = {step for name in names for step in recorded_commands(project, name, recorded)}
    try:
        report_broken_lock(workspace, report, may_replace=False)
    except BrokenState as error:  # the history does not need project.lock
        report(events.Note(error.message, error.hint))
    return [run for run in runs if not names or run.command in selected]

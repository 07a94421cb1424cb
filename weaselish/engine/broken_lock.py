"""The note about a broken project.lock, for every use case that reads or replaces it."""

from __future__ import annotations

from weaselish.engine import events
from weaselish.workspace import Workspace


def broken_lock_note(workspace: Workspace) -> events.Note | None:
    """Return what the user should know about project.lock, None if it is intact. Raises BrokenState."""
    problem = workspace.records.problem
    if problem is None:
        return None
    return events.Note(
        f"{problem}; it counts as empty", "before `proj` replaces it, it copies it to project.lock.broken-1"
    )


def report_broken_lock(workspace: Workspace, report: events.Reporter, *, may_replace: bool = True) -> None:
    """Report a broken project.lock. Call it once per use case. Raises BrokenState.

    The note says what happens to the file, if the use case may replace it.
    """
    if (note := broken_lock_note(workspace)) is not None:
        report(note if may_replace else events.Note(note.message))

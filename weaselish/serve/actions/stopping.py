"""Ends what runs, for pages and API: one step, or the `proj` of a run with all its steps. Each is audited."""

from __future__ import annotations

from fastapi import Request

from weaselish.engine.events import Event, Note
from weaselish.errors import UnknownName, UsageError
from weaselish.serve.access.roles import Visitor
from weaselish.serve.actions.allowed import actions_of, noted
from weaselish.serve.live.live import live_of
from weaselish.serve.serving import sources_of


def stop_step_of(request: Request, visitor: Visitor, project: str, step: str) -> None:
    """End the script of a step, as `proj stop` does. Raises ProjError if it does not run or cannot be stopped."""
    source = sources_of(request).of(project)
    with noted(request, visitor, "stop", f"{project}: step {step}"):
        if step not in source.checked_model().commands:
            raise UnknownName("command", step, [])
        notes: list[Note] = []

        def keep(event: Event) -> None:
            if isinstance(event, Note):
                notes.append(event)

        if source.project.stop(step, on_event=keep):
            return
        if notes:
            raise UsageError(notes[0].message, hint=notes[0].hint)
        raise UsageError(f"`{step}` does not run", hint="reload the page: it may have ended")


def stop_call_of(request: Request, visitor: Visitor, project: str, run: int, step: str | None) -> None:
    """End the `proj` that a run belongs to. Raises ProjError if it has ended or runs on another host."""
    live = live_of(request).project(project)
    live.refresh()
    row = live_of(request).run(project, run, step)
    with noted(request, visitor, "stop", f"{project}: call of {row.command} {row.run}"):
        actions_of(request).stop_run(row, live.root)

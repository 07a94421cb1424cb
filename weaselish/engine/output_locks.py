"""The locks of what a subcommand changes about a command's outputs without running it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from weaselish.engine import events
from weaselish.locks.step_locks import hold_locks
from weaselish.model.project import Command
from weaselish.workspace import Workspace


def hold_output_locks(
    workspace: Workspace, command: Command, report: events.Reporter
) -> AbstractContextManager[tuple[int, ...]]:
    """Hold a command's own lock and those of its outputs for the block. Report the processes that it waits for."""
    return hold_locks(
        workspace.state / "locks",
        command.name,
        writes=command.all_outputs,
        reads=(),
        on_wait=lambda holder: report(events.StepWaiting(command.name, holder)),
        cancel=workspace.cancel,
    )

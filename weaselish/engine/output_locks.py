"""The locks of what a subcommand changes about paths that steps read or write, without running a step."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager

from weaselish.engine import events
from weaselish.locks.step_locks import hold_locks
from weaselish.model.project import Command
from weaselish.workspace import Workspace


def hold_output_locks(
    workspace: Workspace, command: Command, report: events.Reporter
) -> AbstractContextManager[tuple[int, ...]]:
    """Hold a command's own lock and those of its outputs for the block. Report the processes that it waits for."""
    return hold_write_locks(workspace, command.name, command.all_outputs, report, shown=command.name)


def hold_write_locks(
    workspace: Workspace, name: str, paths: Collection[str], report: events.Reporter, *, shown: str
) -> AbstractContextManager[tuple[int, ...]]:
    """Hold the lock `name` and those of the paths for the block.

    Report the processes that it waits for, as those that `shown` waits for.
    """
    return hold_locks(
        workspace.state / "locks",
        name,
        writes=paths,
        reads=(),
        on_wait=lambda holder: report(events.StepWaiting(shown, holder)),
        cancel=workspace.cancel,
    )

"""Opens the project that a subcommand works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.console import warn
from weaselish.cli.subcommand import Call
from weaselish.errors import BrokenState

if TYPE_CHECKING:
    from weaselish.workspace import Workspace


def open_workspace(call: Call, directory: str | None) -> Workspace:
    """Open the project in `directory`, or the one around the current directory. Show warnings that no call may hide."""
    from weaselish.cli.console import show_problem
    from weaselish.workspace import Workspace

    workspace = Workspace.open(directory, call.extras.overrides, call.cancel)
    for problem in workspace.project.warnings:
        if problem.always_shown:
            show_problem(problem)
    return workspace


def warn_of_broken_lock(workspace: Workspace) -> None:
    """Warn if project.lock is broken, for subcommands that only report."""
    from weaselish.engine.broken_lock import broken_lock_note

    try:
        note = broken_lock_note(workspace)
    except BrokenState as error:
        warn(error.message, error.hint)
    else:
        if note is not None:
            warn(note.message)


def remote_and_directory(call: Call) -> tuple[str, str | None]:
    """Split `[REMOTE] [DIR]`."""
    remote, directory = (*call.words, None, None)[:2]
    return remote or "default", directory

"""Opens the project that a subcommand works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.subcommand import Call

if TYPE_CHECKING:
    from weaselish.workspace import Workspace


def open_workspace(call: Call, directory: str | None) -> Workspace:
    """Open the project in `directory`, or the one around the current directory. Show warnings that no call may hide."""
    from weaselish.cli.console import show_problem
    from weaselish.workspace import Workspace

    workspace = Workspace.open(directory, call.extras.overrides)
    for problem in workspace.project.warnings:
        if problem.always_shown:
            show_problem(problem)
    return workspace


def remote_and_directory(call: Call) -> tuple[str, str | None]:
    """Split `[REMOTE] [DIR]`."""
    remote, directory = (*call.words, None, None)[:2]
    return remote or "default", directory

"""Open the project that a subcommand works on, and show what is wrong in its other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.arguments import COMMAND_LINE
from weaselish.cli.console import show_problem, warn
from weaselish.cli.subcommand import Call
from weaselish.errors import BrokenState, InvalidOverride, UsageError, in_file_order

if TYPE_CHECKING:
    from weaselish.model.project import ProjectModel
    from weaselish.workspace import Workspace


def open_workspace(call: Call, directory: str | None, *, notices: bool = True) -> Workspace:
    """Open the project in `directory`, or the one around the current directory.

    With `notices`, show what project.yml has wrong that every subcommand mentions.
    """
    from weaselish.workspace import Workspace

    try:
        workspace = Workspace.open(directory, call.extras.overrides, call.cancel)
    except InvalidOverride as error:
        source = call.extras.sources.get(error.name, COMMAND_LINE)
        if source == COMMAND_LINE:
            raise
        raise UsageError(f"{source}: {error.message}", hint=error.hint) from None
    if notices:
        show_notices(workspace.project, all_warnings=False)
    return workspace


def show_notices(project: ProjectModel, *, all_warnings: bool = True) -> None:
    """Show the warnings of project.yml, and as warnings the errors that are confined to one part of it.

    Without `all_warnings`, only the warnings that no subcommand may hide.
    """
    warnings = [problem for problem in project.warnings if all_warnings or problem.always_shown]
    for problem in in_file_order((*warnings, *project.faults)):
        show_problem(problem._replace(is_warning=True))


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

"""Opens the project that a subcommand works on, and shows what is wrong in its other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.arguments import COMMAND_LINE
from weaselish.cli.console import problems_are_in, show_problem, warn
from weaselish.cli.subcommand import Call
from weaselish.errors import InvalidOverride, UsageError, in_file_order

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine import events
    from weaselish.model.project import ProjectModel


def open_project(call: Call, directory: str | None, *, notices: bool = True) -> Project:
    """Return the project in `directory`, or the one around the current directory.

    With `notices`, show the problems of project.yml that every subcommand mentions.
    """
    from weaselish.api.project import Project

    problems_are_in(directory)
    project = Project(directory, overrides=call.extras.overrides)
    try:
        model = project.model
    except InvalidOverride as error:
        source = call.extras.sources.get(error.name, COMMAND_LINE)
        if source == COMMAND_LINE:
            raise
        raise UsageError(f"{source}: {error.message}", hint=error.hint) from None
    if notices:
        show_notices(model, all_warnings=False)
    return project


def show_notices(project: ProjectModel, *, all_warnings: bool = True) -> None:
    """Show the warnings of project.yml, and as warnings the errors that are confined to one part of it.

    Without `all_warnings`, only the warnings that no subcommand may hide.
    """
    warnings = [problem for problem in project.warnings if all_warnings or problem.always_shown]
    for problem in in_file_order((*warnings, *project.faults)):
        show_problem(problem._replace(is_warning=True))


def show_note(event: events.Event) -> None:
    """Print the notes among the events of subcommands that only report."""
    from weaselish.engine.events import Note

    if isinstance(event, Note):
        warn(event.message, event.hint)


def remote_and_directory(call: Call) -> tuple[str, str | None]:
    """Split `[REMOTE] [DIR]`."""
    remote, directory = (*call.words, None, None)[:2]
    return remote or "default", directory

"""`proj` alone: the commands and workflows of the project; and `proj run NAME --help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import Extras
from weaselish.cli.console import show, show_heading, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.status import shown_status
from weaselish.cli.subcommand import Call
from weaselish.errors import UnknownName

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.model.project import Command


def list_project(extras: Extras, directory: str | None = None) -> int:
    """Show the title, and workflows and commands with help and state."""
    call = Call((), extras)
    project = open_project(call, directory)
    states: dict[str, str] = {
        step.step: shown_status(step) for step in project.status(on_event=show_note, cancel=call.cancel)
    }
    model = project.shown_model
    if model.title:
        show_heading(model.title)
    if model.description:
        show(model.description.strip())
    if model.workflows:
        show()
        show_table([(name, " → ".join(steps)) for name, steps in model.workflows.items()], ("workflow", "steps"))
    if model.commands:
        show()
        rows = [(name, states[name], _help(command)) for name, command in model.commands.items()]
        show_table(rows, ("command", "state", "help"))
    show("\n`proj run NAME` runs one. `proj --help` shows all subcommands.")
    return 0


def _help(command: Command) -> str:
    """Return the help of a command in one line."""
    return " ".join(command.help.split())


def show_names(project: Project, names: Sequence[str]) -> int:
    """Show what `proj run NAME --help` shows. Raises UnknownName."""
    model = project.shown_model
    for name in names:
        if name not in model.commands and name not in model.workflows:
            raise UnknownName("command or workflow", name, [*model.workflows, *model.commands])
    for name in names:
        if name in model.workflows:
            for number, step in enumerate(model.steps_of(name), 1):
                show(f"{number}. {step}: {_help(model.commands[step])}")
        else:
            _show_command(model.commands[name])
    return 0


def _show_command(command: Command) -> None:
    show(command.help or f"{command.name} has no help")
    for title, items in (
        ("deps", command.deps),
        ("outputs", command.outputs),
        ("not cached", command.outputs_no_cache),
        ("metrics", command.metrics),
    ):
        if items:
            show(f"{title}: {', '.join(items)}")

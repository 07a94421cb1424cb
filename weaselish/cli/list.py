"""`proj` alone: the commands and workflows of the project; and `proj run NAME --help`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import Extras
from weaselish.cli.console import show, show_heading, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.status import combined_status, shown_status
from weaselish.cli.subcommand import Call
from weaselish.cli.units import counted
from weaselish.model.targets import commands_of

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.status import StepStatus
    from weaselish.model.project import Command, ProjectModel

_UNCHECKED = "?"  # the value of Status.UNCHECKED
_PATIENCE = 1.0  # seconds for which the list waits to learn the states


def list_project(extras: Extras, directory: str | None = None) -> int:
    """Show the title, and workflows and commands with help and state."""
    call = Call((), extras)
    project = open_project(call, directory)
    steps = project.status(within=_PATIENCE, on_event=show_note, cancel=call.cancel)
    states = {step.step.command: step for step in steps}
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
        rows = [_row(model, name, states) for name in model.written]
        show_table(rows, ("command", "state", "help"))
        if any(_UNCHECKED in state for _, state, _ in rows):
            show(f"\n{_UNCHECKED}: its files must be read to know; `proj status` does that")
    show("\n`proj run NAME` runs one. `proj --help` shows all subcommands.")
    return 0


def _row(model: ProjectModel, name: str, states: Mapping[str, StepStatus]) -> tuple[str, str, str]:
    """Return what the list shows of a command: a matrix has one row for all its steps."""
    matrix = model.matrices.get(name)
    if matrix is None:
        return name, shown_status(states[name]), _in_one_line(model.commands[name].help)
    count = counted(len(matrix.steps), "step")
    return f"{name} ({count})", combined_status([states[step] for step in matrix.steps]), _in_one_line(matrix.help)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def show_names(project: Project, names: Sequence[str]) -> int:
    """Show what `proj run NAME --help` shows. Raises UnknownName."""
    model = project.shown_model
    for name, commands in [(name, commands_of(model, name)) for name in names]:
        if name in model.matrices:
            _show_matrix(model, name)
        elif name in model.commands:
            _show_command(model.commands[name])
        else:
            for number, step in enumerate(commands, 1):
                show(f"{number}. {step}: {_in_one_line(model.commands[step].help)}")
    return 0


def _show_matrix(model: ProjectModel, name: str) -> None:
    matrix = model.matrices[name]
    show(matrix.help or f"{name} has no help")
    for variable, values in model.variables_of(name).items():
        show(f"{variable}: {', '.join(values)}")
    show(f"{counted(len(matrix.steps), 'step')}: {', '.join(matrix.steps)}")


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

"""`proj` alone: the commands and workflows of the project; and `proj run NAME --help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import Extras
from weaselish.cli.console import show, show_heading, show_table
from weaselish.cli.opening import open_workspace, warn_of_broken_lock
from weaselish.cli.status import previews_of, shown_status
from weaselish.cli.subcommand import Call
from weaselish.model.interpolate import put_env

if TYPE_CHECKING:
    from weaselish.workspace import Workspace


def list_project(extras: Extras, directory: str | None = None) -> int:
    """Show the title, and workflows and commands with help and state."""
    from weaselish.engine.status import statuses

    workspace = open_workspace(Call((), extras), directory)
    project = workspace.project
    states = {step.step: shown_status(step) for step in statuses(workspace, previews_of(workspace, ()))}
    workspace.save()
    if project.title:
        show_heading(_shown(workspace, project.title))
    if project.description:
        show(_shown(workspace, project.description).strip())
    if project.workflows:
        show()
        show_table([(name, " → ".join(steps)) for name, steps in project.workflows.items()], ("workflow", "steps"))
    if project.commands:
        show()
        lines = [(name, states[name], _help(workspace, name)) for name in project.commands]
        show_table(lines, ("command", "state", "help"))
    warn_of_broken_lock(workspace)
    show("\n`proj run NAME` runs one. `proj --help` shows all subcommands.")
    return 0


def _shown(workspace: Workspace, text: str) -> str:
    return put_env(text, workspace.shown_env)


def _help(workspace: Workspace, command: str) -> str:
    """Return the help of a command in one line."""
    return " ".join(_shown(workspace, workspace.project.commands[command].help).split())


def show_names(workspace: Workspace, names: Sequence[str]) -> int:
    """Show what `proj run NAME --help` shows. Raises UnknownName."""
    from weaselish.plan.graph import make_plan

    project = workspace.project
    make_plan(project, names, only=True)  # checks the names
    name = names[0]
    if name in project.workflows:
        for number, step in enumerate(project.steps_of(name), 1):
            show(f"{number}. {step}: {_help(workspace, step)}")
        return 0
    command = project.commands[name]
    show(_shown(workspace, command.help) or f"{name} has no help")
    for title, items in (
        ("deps", command.deps),
        ("outputs", command.outputs),
        ("not cached", command.outputs_no_cache),
    ):
        if items:
            show(f"{title}: {', '.join(items)}")
    return 0

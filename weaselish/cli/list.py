"""`proj` alone: the commands and workflows of the project, and `proj run NAME --help`."""

from __future__ import annotations

import sys

from weaselish.cli.console import paint, table
from weaselish.cli.status import previews_of, state_of
from weaselish.model.interpolate import put_env
from weaselish.workspace import Workspace


def show_project(workspace: Workspace) -> int:
    """Title, workflows and commands with help and state."""
    project = workspace.project
    states = {item.step: state_of(item) for item in previews_of(workspace, ())}
    workspace.save()
    if project.title:
        print(paint(_shown(workspace, project.title), "bold", sys.stdout))
    if project.description:
        print(_shown(workspace, project.description).strip())
    if project.workflows:
        rows = [(name, " → ".join(steps)) for name, steps in project.workflows.items()]
        print("\n" + table(rows, ("workflow", "steps"), stream=sys.stdout))
    if project.commands:
        lines = [(name, states[name], _help(workspace, name)) for name in project.commands]
        print("\n" + table(lines, ("command", "state", "help"), stream=sys.stdout))
    print("\nproj run NAME runs one; proj --help shows all verbs")
    return 0


def _shown(workspace: Workspace, text: str) -> str:
    return put_env(text, workspace.shown_env)


def _help(workspace: Workspace, command: str) -> str:
    """Its help in one line."""
    return " ".join(_shown(workspace, workspace.project.commands[command].help).split())


def show_command(workspace: Workspace, name: str) -> int:
    """What `proj run NAME --help` shows."""
    project = workspace.project
    if name in project.workflows:
        for number, step in enumerate(project.steps_of(name), 1):
            print(f"{number}. {step}: {_help(workspace, step)}")
        return 0
    command = project.commands[name]
    print(_shown(workspace, command.help) or f"{name} has no help")
    for title, items in (
        ("deps", command.deps),
        ("outputs", command.outputs),
        ("not cached", command.outputs_no_cache),
    ):
        if items:
            print(f"{title}: {', '.join(items)}")
    return 0

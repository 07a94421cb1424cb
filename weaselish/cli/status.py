"""`proj status`, `proj validate`, and `proj` alone: what there is and how it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from weaselish.cli.console import counted, paint, say, say_hint, table, warn
from weaselish.engine.run.planning import Preview, plan_for, preview
from weaselish.engine.validate import findings
from weaselish.errors import in_short
from weaselish.model.interpolate import put_env
from weaselish.plan.graph import Cycle
from weaselish.workspace import Workspace


def show_status(workspace: Workspace, targets: Sequence[str], *, check: bool, remote: str | None, as_json: bool) -> int:
    """Each step with its state and reasons. With `check`, 1 if any is stale."""
    previews = _previews(workspace, targets)
    there = _remote_states(workspace, remote, previews)
    workspace.save()
    if as_json:
        print(json.dumps([_status_json(item, there) for item in previews], indent=2))
    else:
        header = ("step", "state", *(["on " + remote] if remote else []), "why")
        rows = [
            (
                item.step,
                _state(item),
                *([there.get(item.step, "")] if remote else []),
                in_short(item.reasons),
            )
            for item in previews
        ]
        print(table(rows, header, stream=sys.stdout))
    if workspace.records.problem:
        warn(f"{workspace.records.problem}; it counts as empty")
    return 1 if check and any(item.reasons for item in previews) else 0


def _remote_states(workspace: Workspace, remote: str | None, previews: Sequence[Preview]) -> dict[str, str]:
    if remote is None:
        return {}
    from weaselish.cli.remotes import find_remote, remote_states

    return remote_states(workspace, find_remote(workspace, remote), previews)


def _status_json(item: Preview, there: Mapping[str, str]) -> dict[str, object]:
    return {
        "step": item.step,
        "state": _state(item),
        "reasons": [str(reason) for reason in item.reasons],
        "key": item.staleness.now.key if item.staleness else None,
        "run": item.staleness.last.run if item.staleness and item.staleness.last else None,
        **({"remote": there[item.step]} if item.step in there else {}),
    }


def _previews(workspace: Workspace, targets: Sequence[str]) -> list[Preview]:
    if not targets:
        targets = list(workspace.project.commands)
    try:
        plan = plan_for(workspace, targets, lenient=True)
    except Cycle as error:
        warn(error.message, error.hint)
        plan = plan_for(workspace, targets, only=True)
    return preview(workspace, plan)


def _state(item: Preview) -> str:
    if item.staleness is None:
        return "unknown"
    return "stale" if item.reasons else "up to date"


def show_project(workspace: Workspace) -> int:
    """Title, workflows and commands with help and state."""
    project = workspace.project
    states = {item.step: _state(item) for item in _previews(workspace, ())}
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


def validate(workspace: Workspace) -> int:
    """All warnings and problems that loading the project did not already refuse."""
    wrong = 0
    for problem in findings(workspace):
        wrong += not problem.is_warning
        kind = paint("warning:", "yellow") if problem.is_warning else paint("error:", "red")
        say(problem.located().replace(": ", f": {kind} ", 1))
        say_hint(problem.hint)
    if wrong:
        return 2
    project = workspace.project
    commands, workflows = counted(len(project.commands), "command"), counted(len(project.workflows), "workflow")
    print(f"project.yml is valid: {commands}, {workflows}")
    return 0

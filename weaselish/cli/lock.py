"""`proj lock`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weaselish.cli.console import paint, say
from weaselish.engine.run.accept import accept, reset
from weaselish.errors import UnknownName
from weaselish.workspace import Workspace


def accept_steps(workspace: Workspace, names: Sequence[str]) -> int:
    _check_commands(workspace, names)
    try:
        for name in names:
            accepted = accept(workspace, workspace.project.commands[name])
            if not accepted.reasons:
                say(f"{name}: is up to date, nothing to accept")
                continue
            say(f"{paint('✔', 'green')} {name}: accepted, though: {'; '.join(map(str, accepted.reasons))}")
            for made in accepted.outputs:
                say(f"  {made.path}  {made.digest}")
    finally:
        workspace.records.close()
        workspace.save()
    return 0


def reset_steps(workspace: Workspace, names: Sequence[str]) -> int:
    _check_commands(workspace, names)
    for name in names:
        reset(workspace, name)
        say(f"{paint('✔', 'green')} {name}: counts as never run; its outputs stay")
    workspace.records.close()
    return 0


def _check_commands(workspace: Workspace, names: Iterable[str]) -> None:
    for name in names:
        if name not in workspace.project.commands:
            raise UnknownName("command", name, workspace.project.commands)

"""`proj lock accept` and `proj lock reset`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import done, say
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import Call, Subcommand
from weaselish.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from weaselish.workspace import Workspace


def accept(call: Call) -> int:
    """Record the current outputs of commands as the result of a run."""
    from weaselish.engine.run.accept import accept as accept_command

    workspace, names = _selected(call)
    try:
        for name in names:
            accepted = accept_command(workspace, workspace.project.commands[name])
            if not accepted.reasons:
                say(f"{name}: is up to date, nothing to accept")
                continue
            done(f"{name}: accepted, though: {'; '.join(map(str, accepted.reasons))}")
            for output in accepted.outputs:
                say(f"  {output.path}  {output.digest}")
    finally:
        workspace.records.close()
        workspace.save()
    return 0


def reset(call: Call) -> int:
    """Forget the records of commands."""
    from weaselish.engine.run.accept import reset as reset_command

    workspace, names = _selected(call)
    for name in names:
        reset_command(workspace, name)
        done(f"{name}: counts as never run; its outputs stay")
    workspace.records.close()
    return 0


def _selected(call: Call) -> tuple[Workspace, list[str]]:
    names, directory = names_and_directory(call.words)
    if not names:
        raise UsageError("the name of a command is missing", hint="`proj status` lists the commands")
    workspace = open_workspace(call, directory)
    _check_commands(workspace, names)
    return workspace, names


def _check_commands(workspace: Workspace, names: Iterable[str]) -> None:
    for name in names:
        if name not in workspace.project.commands:
            raise UnknownName("command", name, workspace.project.commands)


_USAGE = "NAME... [DIR]"
_WORDS = "Commands; then, if it is not the current one, the project's directory."

SUBCOMMANDS = (
    Subcommand(
        "lock accept",
        accept,
        "Record the current outputs as up to date, without running anything.",
        usage=_USAGE,
        words_help=_WORDS,
        most_words=None,
        examples=("proj lock accept train",),
    ),
    Subcommand(
        "lock reset",
        reset,
        "Delete the records of commands: they count as never run. Their outputs stay.",
        usage=_USAGE,
        words_help=_WORDS,
        most_words=None,
        examples=("proj lock reset train",),
    ),
)

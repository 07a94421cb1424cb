"""`proj lock accept` and `proj lock reset`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import done, failed, hint, say
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import Call, Option, Subcommand
from weaselish.errors import UnknownName, UsageError, in_short

if TYPE_CHECKING:
    from weaselish.engine.run.accept import Acceptance
    from weaselish.model.project import Command
    from weaselish.workspace import Workspace


def accept(call: Call, *, everything: bool) -> int:
    """Record the current outputs of commands as the result of a run; return 1 if one cannot be accepted."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.engine.run.accept import accept as accept_commands

    names, directory = names_and_directory(call.words)
    if names and everything:
        raise UsageError("`--all` and names exclude each other", hint="leave one of them out")
    workspace = open_workspace(call, directory)
    with TransferReporter() as reporter:
        commands = _named(workspace, names) if names else _offered(workspace, everything=everything)
        results = accept_commands(workspace, commands, report=reporter) if commands else []
    for result in results:
        _show(result)
    return 1 if any(result.error for result in results) else 0


def _named(workspace: Workspace, names: Sequence[str]) -> list[Command]:
    """Return the commands, and of workflows the steps that have outputs. Raises UnknownName."""
    project = workspace.project
    selected: dict[str, Command] = {}
    for name in names:
        if name in project.commands:
            selected[name] = project.commands[name]
        elif name in project.workflows:
            steps = [project.commands[step] for step in project.steps_of(name)]
            selected |= {step.name: step for step in steps if step.all_outputs}
        else:
            raise UnknownName("command or workflow", name, [*project.commands, *project.workflows])
    return list(selected.values())


def _offered(workspace: Workspace, *, everything: bool) -> list[Command]:
    """Return all commands that can be accepted, after asking on a terminal. Raises UsageError where there is none."""
    from weaselish.engine.run.accept import acceptable

    offered = acceptable(workspace)
    if not offered:
        say("nothing to accept: no command is out of date whose outputs and deps all exist")
    if everything or not offered:
        return [command for command, _ in offered]
    if sys.stdin is None or not sys.stdin.isatty():
        names = ", ".join(f"`{command.name}`" for command, _ in offered)
        raise UsageError("the names of commands are missing", hint=f"name them, or accept {names} with `--all`")
    from weaselish.cli.run import typed_line

    for command, reasons in offered:
        say(f"{', '.join(command.outputs)} ({in_short(reasons)})", step=command.name)
    say(f"Record these outputs of {len(offered)} commands as up to date? [y/N] ")
    is_accepted = typed_line(workspace.cancel).strip().lower() in ("y", "yes")
    return [command for command, _ in offered] if is_accepted else []


def _show(result: Acceptance) -> None:
    if result.error is not None:
        failed(result.error.message)
        hint(result.error.hint)
    elif not result.reasons:
        say("is up to date, nothing to accept", step=result.command)
    else:
        done(f"{result.command}: accepted, though: {'; '.join(map(str, result.reasons))}")
        for output in result.outputs:
            say(f"  {output.path}  {output.digest}")


def reset(call: Call) -> int:
    """Forget the records of commands."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.engine.run.accept import reset as reset_commands

    names, directory = names_and_directory(call.words)
    if not names:
        raise UsageError("the name of a command is missing", hint="`proj status` lists the commands")
    workspace = open_workspace(call, directory)
    for name in names:
        if name not in workspace.project.commands:
            raise UnknownName("command", name, workspace.project.commands)
    with TransferReporter() as reporter:
        reset_commands(workspace, names, report=reporter)
    for name in names:
        done(f"{name}: counts as never run; its outputs stay")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "lock accept",
        accept,
        "Record the current outputs as up to date, without running anything.",
        (Option("everything", ("--all",), "Accept every command that is out of date and whose outputs exist."),),
        usage="[NAME]... [DIR]",
        words_help="Commands and workflows; then the project's directory, if it is not the current one.",
        most_words=None,
        examples=("proj lock accept train", "proj lock accept --all"),
    ),
    Subcommand(
        "lock reset",
        reset,
        "Delete the records of commands: they count as never run. Their outputs stay.",
        usage="NAME... [DIR]",
        words_help="Commands; then the project's directory, if it is not the current one.",
        most_words=None,
        examples=("proj lock reset train",),
    ),
)

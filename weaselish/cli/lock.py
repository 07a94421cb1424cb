"""`proj lock accept` and `proj lock reset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import done, failed, hint, say
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, NAMES, Call, Option, Subcommand
from weaselish.errors import UsageError, in_short, listed

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.run.accept import Acceptance


def accept(call: Call, *, everything: bool) -> int:
    """Record the current outputs of commands as the result of a run; return the exit code of the first error."""
    from weaselish.cli.activity import ActivityReporter

    names, directory = names_and_directory(call.words)
    if names and everything:
        raise UsageError("`--all` and names exclude each other", hint="leave one of them out")
    project = open_project(call, directory)
    names = names or _offered(call, project, everything=everything)
    if not names:
        return 0
    with ActivityReporter() as reporter:
        results = project.accept(*names, on_event=reporter, cancel=call.cancel)
    for result in results:
        _show(result)
    return next((result.error.exit_code for result in results if result.error), 0)


def _offered(call: Call, project: Project, *, everything: bool) -> list[str]:
    """Return all commands that can be accepted, after asking on a terminal. Raises UsageError where there is none."""
    from weaselish.cli.activity import ActivityReporter

    with ActivityReporter() as reporter:
        acceptable = project.acceptable(on_event=reporter, cancel=call.cancel)
    offered = {command.name: (command, reasons) for command, reasons in acceptable}
    if not offered:
        say("nothing to accept: no command is out of date whose outputs and deps all exist")
    if everything or not offered:
        return list(offered)
    from weaselish.cli.questions import can_ask, is_yes

    if not can_ask():
        raise UsageError(
            "the names of commands are missing", hint=f"name them, or accept {listed(offered)} with `--all`"
        )
    for command, reasons in offered.values():
        say(f"{', '.join(command.outputs)} ({in_short(reasons)})", step=command.name)
    question = f"Record these outputs of {len(offered)} commands as up to date?"
    return list(offered) if is_yes(question, call.cancel) else []


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
    from weaselish.cli.activity import ActivityReporter

    names, directory = names_and_directory(call.words)
    if not names:
        raise UsageError("the name of a command is missing", hint="`proj status` lists the commands")
    with ActivityReporter() as reporter:
        commands = open_project(call, directory).reset(*names, on_event=reporter, cancel=call.cancel)
    for command in commands:
        done(f"{command}: counts as never run; its outputs stay")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "lock accept",
        accept,
        "Record the current outputs as up to date, without a run.",
        (Option("everything", ("--all",), "Accept every command that is out of date and whose outputs exist."),),
        arguments=NAMES,
        examples=("proj lock accept train", "proj lock accept --all"),
    ),
    Subcommand(
        "lock reset",
        reset,
        "Delete the records of commands: they count as never run.\n\n"
        "Their outputs stay. If they all exist, they count as unrecorded: "
        "`proj` uses them as they are, unless you name the command.",
        arguments=(NAMES[0]._replace(is_required=True), DIRECTORY),
        examples=("proj lock reset train",),
    ),
)

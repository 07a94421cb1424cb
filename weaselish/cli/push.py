"""`proj push`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import done, say
from weaselish.cli.opening import open_project, remote_and_directory
from weaselish.cli.subcommand import (
    DIRECTORY,
    JSON,
    REMOTE,
    Call,
    Option,
    Subcommand,
    Takes,
    Values,
    dry,
    transfers,
)
from weaselish.errors import listed

if TYPE_CHECKING:
    from weaselish.engine.remote.push import Pushed


def push(
    call: Call, *, commands: Sequence[str], dry: bool, verify: bool, repair: bool, jobs: int, as_json: bool
) -> int:
    """Push, showing progress and one line per command; return the exit code."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.cli.transfers import Direction, counts, finish

    remote, directory = remote_and_directory(call)
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        results = project.push(
            remote,
            commands=commands,
            dry=dry,
            verify=verify,
            repair=repair,
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    for result in results:
        _show(result, dry=dry)
    moved, already = [bool(one.stored) for one in results], [one.already_there for one in results]
    say(counts(Direction.PUSH, remote, moved, already, dry=dry))
    return finish(results, as_json=as_json)


def _show(result: Pushed, *, dry: bool) -> None:
    from weaselish.cli.transfers import Direction, show_refused
    from weaselish.cli.units import counted, shown_size

    rest = f"; outside the project, not pushed: {listed(result.outside)}" if result.outside else ""
    if result.refused is not None:
        show_refused(Direction.PUSH, result)
    elif result.already_there or not result.stored:
        done(f"{result.command}: {'already on the remote' if result.already_there else 'recorded'}{rest}")
    else:
        verb = "would push" if dry else "pushed"
        done(f"{result.command}: {verb} {counted(len(result.stored), 'output')}, {shown_size(result.size)}{rest}")


COMMANDS = Option(
    "commands",
    ("--command", "-c"),
    "Only this command; repeat it for several.",
    Takes.TEXTS,
    "NAME",
    values=Values.COMMANDS,
)

SUBCOMMANDS = (
    Subcommand(
        "push",
        push,
        "Store the outputs of up-to-date commands on a remote.\n\nOther machines can then pull them.",
        (
            COMMANDS,
            dry("Show what would be pushed; store nothing."),
            Option("verify", ("--verify",), "Re-read objects that are already stored and check their integrity."),
            Option("repair", ("--repair",), "Also re-read them, and replace those that are broken."),
            transfers("Objects"),
            JSON,
        ),
        arguments=(REMOTE, DIRECTORY),
        examples=("proj push", "proj push default -c train", "proj push ./backup --dry"),
    ),
)

"""`proj pull`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import done, hint, say
from weaselish.cli.opening import open_project, remote_and_directory
from weaselish.cli.push import COMMANDS
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, Call, Option, Subcommand, Takes, dry, transfers
from weaselish.errors import UsageError, in_short, listed

if TYPE_CHECKING:
    from weaselish.engine.remote.pull import Pulled


def pull(
    call: Call,
    *,
    commands: Sequence[str],
    deps: bool,
    run: str | None,
    dry: bool,
    force: bool,
    jobs: int,
    as_json: bool,
) -> int:
    """Pull, showing progress and one line per command; return the exit code."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.cli.transfers import Direction, counts, finish

    if run is not None and commands:
        raise UsageError("`--run` and `--command` exclude each other", hint="a run belongs to one command")
    if deps and not commands:
        raise UsageError("`--deps` needs a command", hint="`proj pull -c NAME --deps`")
    remote, directory = remote_and_directory(call)
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        results = project.pull(
            remote,
            commands=commands,
            dry=dry,
            force=force,
            jobs=jobs,
            run=run,
            deps=deps,
            on_event=reporter,
            cancel=call.cancel,
        )
    for result in results:
        _show(result, dry=dry)
    moved, already = [bool(one.restored) for one in results], [one.already_here for one in results]
    if deps and not results:
        say(f"nothing to pull: {listed(commands)} {'reads' if len(commands) == 1 else 'read'} no outputs of others")
    else:
        say(counts(Direction.PULL, remote, moved, already, dry=dry))
    return finish(results, as_json=as_json)


def _show(result: Pulled, *, dry: bool) -> None:
    from weaselish.cli.transfers import Direction, show_refused

    if result.refused is not None:
        show_refused(Direction.PULL, result)
    elif result.already_here:
        done(f"{result.command}: already present")
    else:
        verb = "would pull" if dry else "pulled"
        done(f"{result.command}: {verb} {in_short(result.restored, separator=', ')}")
    for note in result.notes:
        hint(f"{result.command}: {note}")


SUBCOMMANDS = (
    Subcommand(
        "pull",
        pull,
        "Download and verify outputs that match script, deps, env.\n\n"
        "Nothing is run. Outputs that differ from the remote and exist only locally stay.",
        (
            COMMANDS,
            Option("deps", ("--deps",), "Pull what the named commands read, not their own outputs."),
            Option("run", ("--run",), "Pull this run, as `proj ls` shows it, and no other.", Takes.TEXT, "RUN"),
            dry("Show what would be pulled; change nothing."),
            Option("force", ("--force", "-F"), "Also replace outputs that exist only locally."),
            transfers("Objects"),
            JSON,
        ),
        arguments=(REMOTE, DIRECTORY),
        examples=("proj pull", "proj pull default -c train", "proj pull -c train --deps"),
    ),
)

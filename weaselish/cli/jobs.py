"""`proj ps`, `proj stop` and `proj shell`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import done, say, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import DIRECTORY, EXECUTOR, JSON, Argument, Call, Subcommand, Values
from weaselish.cli.units import shown_age
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.engine.running_steps import RunningStep


def show_running(call: Call, *, as_json: bool) -> int:
    """Show the steps that run, where, and since when."""
    running = open_project(call, call.directory).running(on_event=show_note, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(one) for one in running])
    elif running:
        rows = [(one.step, one.executor, one.state.value, shown_age(one.since), _owner(one)) for one in running]
        show_table(rows, ("step", "executor", "state", "since", "proj"))
    else:
        say("no step runs")
    return 0


def _owner(one: RunningStep) -> str:
    if one.pid is None:
        return "was killed; the next run waits for the job" if one.handle else "was killed"
    return f"process {one.pid}" if one.host is None else f"process {one.pid} on {one.host}"


def _as_json(one: RunningStep) -> dict[str, object]:
    return {**one._asdict(), "state": one.state.value}


def stop(call: Call, *, as_json: bool) -> int:
    """End the scripts of steps."""
    if not call.words:
        raise UsageError("the name of a step is missing", hint="`proj ps` shows what runs")
    names, directory = names_and_directory(call.words)
    stopped = open_project(call, directory).stop(*names, on_event=show_note, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(one) for one in stopped])
        return 0
    for one in stopped:
        done(f"{one.step} stopped on {one.executor}")
    if not stopped:
        say(f"{_listed(names)} does not run" if len(names) == 1 else f"none of {_listed(names)} runs")
    return 0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def open_shell(call: Call, *, executor: str | None) -> int:
    """Open a shell as a step would have it."""
    if not call.words:
        raise UsageError("the name of a command is missing", hint="`proj` lists them")
    name, *rest = call.words
    return open_project(call, rest[0] if rest else None).shell(name, executor=executor)


SUBCOMMANDS = (
    Subcommand(
        "ps",
        show_running,
        "Show which steps run: where, and since when.\n\nIt includes jobs that a killed `proj` left on an executor. "
        "The next `proj run` waits for them.",
        (JSON,),
        examples=("proj ps",),
    ),
    Subcommand(
        "stop",
        stop,
        "End the scripts of steps that run, wherever they run.\n\nIf the `proj` that runs them is alive, it sees them "
        "fail and does not retry them.",
        (JSON,),
        arguments=(
            Argument("STEP", "A command or workflow.", Values.TARGETS, is_required=True, is_repeated=True),
            DIRECTORY,
        ),
        examples=("proj stop train",),
    ),
    Subcommand(
        "shell",
        open_shell,
        "Open a shell with the image and environment of a step.\n\nOn the executor `local`, the shell has "
        "the variables and the Python of the step.",
        (EXECUTOR,),
        arguments=(Argument("STEP", "A command.", Values.COMMANDS, is_required=True), DIRECTORY),
        examples=("proj shell train", "proj shell train --executor box"),
    ),
)

"""`proj executor list`, `test` and `clean`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weaselish.cli.console import done, failed, say, show, show_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Subcommand, Values, dry
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.engine.executors import ExecutorTest

_NAME = Argument("EXECUTOR", "The name of an executor in project.yml, or `local`.", Values.EXECUTORS, is_required=True)


def list_executors(call: Call, *, as_json: bool) -> int:
    """Show the executors of project.yml."""
    executors = open_project(call, call.directory).executors
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([one._asdict() for one in executors])
        return 0
    rows = [(one.name, one.type, "default" if one.is_default else "", _settings(one.settings)) for one in executors]
    show_table(rows, ("executor", "type", "", "settings"))
    return 0


def _settings(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {_text(value)}" for name, value in settings.items())


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={text}" for name, text in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def test_executor(call: Call, *, as_json: bool) -> int:
    """Run `true` on an executor, and show how long that took."""
    name, directory = _words(call)
    tested = open_project(call, directory).test_executor(name, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(_as_json(tested))
    elif tested.outcome.succeeded:
        done(f"{name} ({tested.type}): `true` ran on {tested.outcome.host} in {tested.seconds:.2f} s")
        if tested.outcome.image:
            show(f"  image {tested.outcome.image}")
    else:
        message = tested.outcome.message or f"ended with exit code {tested.outcome.exit_code}"
        failed(f"{name} ({tested.type}): `true` {message}")
        say(tested.output)
    return tested.outcome.exit_code


def _as_json(tested: ExecutorTest) -> dict[str, object]:
    outcome = tested.outcome
    return {
        "name": tested.name,
        "type": tested.type,
        "ok": outcome.succeeded,
        "seconds": round(tested.seconds, 3),
        "host": outcome.host,
        "image": outcome.image,
        "exit_code": outcome.exit_code,
        "message": outcome.message,
    }


def clean_executor(call: Call, *, dry: bool, as_json: bool) -> int:
    """Remove what jobs of this project left on an executor."""
    name, directory = _words(call)
    removed = open_project(call, directory).clean_executor(name, dry=dry, on_event=show_note)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([one._asdict() for one in removed])
    elif removed:
        show_table([(one.step, one.handle) for one in removed], ("step", "job"))
        say(f"{len(removed)} would be removed" if dry else f"{len(removed)} removed")
    else:
        say(f"nothing of this project is left on `{name}`")
    return 0


def _words(call: Call) -> tuple[str, str | None]:
    if not call.words:
        raise UsageError("the name of the executor is missing", hint="`proj executor list` shows the executors")
    return call.words[0], call.words[1] if len(call.words) > 1 else None


SUBCOMMANDS = (
    Subcommand(
        "executor list",
        list_executors,
        "List the executors of project.yml.",
        (JSON,),
        examples=("proj executor list",),
    ),
    Subcommand(
        "executor test",
        test_executor,
        "Run `true` on an executor and show how long that takes.",
        (JSON,),
        arguments=(_NAME, DIRECTORY),
        examples=("proj executor test box",),
    ),
    Subcommand(
        "executor clean",
        clean_executor,
        "Remove the jobs that no living `proj` waits for.\n\nIt ends those that still run, and removes only jobs of "
        "this project.",
        (dry("Show what would be removed."), JSON),
        arguments=(_NAME, DIRECTORY),
        examples=("proj executor clean box --dry", "proj executor clean box"),
    ),
)

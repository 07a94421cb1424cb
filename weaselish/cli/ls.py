"""`proj ls`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show_table
from weaselish.cli.opening import open_project, remote_and_directory
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, Call, Subcommand
from weaselish.plan.run_ids import short_ids

if TYPE_CHECKING:
    from weaselish.engine.remote.listing import RemoteRun


def ls(call: Call, *, as_json: bool) -> int:
    """List the runs that a remote holds, with their outputs, sizes, ages and hosts."""
    remote, directory = remote_and_directory(call)
    runs = open_project(call, directory).ls(remote, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(run) for run in runs])
    elif runs:
        ids = short_ids(run.run for run in runs)
        rows = [row for run in runs for row in _rows(run, ids[run.run])]
        show_table(rows, ("command", "output", "size", "stored", "age", "host", "run"))
    else:
        from weaselish.model.urls import without_secrets

        say(f"nothing is published on {without_secrets(remote)}")
    return 0


def _rows(run: RemoteRun, run_id: str) -> Iterable[tuple[str, ...]]:
    from weaselish.cli.units import shown_age, shown_size

    for output in run.outputs:
        size, stored = shown_size(output.size or 0), shown_size(output.stored)
        yield run.command, output.path, size, stored, shown_age(run.published), run.host, run_id


def _as_json(run: RemoteRun) -> dict[str, object]:
    from dataclasses import asdict

    fields = asdict(run) | {"git": run.git._asdict() if run.git else None}
    return {"made_by" if name == "host" else name: value for name, value in fields.items()}


SUBCOMMANDS = (
    Subcommand(
        "ls",
        ls,
        "List the outputs and runs that a remote holds.\n\n"
        "Each is shown with its size, its age and the host where it ran.",
        (JSON,),
        arguments=(REMOTE, DIRECTORY),
        examples=("proj ls", "proj ls s3://bucket/prefix --json"),
    ),
)

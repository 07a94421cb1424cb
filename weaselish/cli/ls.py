"""`proj ls`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show_table
from weaselish.cli.opening import open_workspace, remote_and_directory
from weaselish.cli.subcommand import JSON, REMOTE_HELP, REMOTE_USAGE, Call, Subcommand

if TYPE_CHECKING:
    from weaselish.engine.remote.listing import RemoteRun


def ls(call: Call, *, as_json: bool) -> int:
    """List the runs that a remote holds, with their outputs, sizes, ages and hosts."""
    from weaselish.cli.remotes import store_opener
    from weaselish.engine.remote.listing import list_runs
    from weaselish.engine.remote.resolve import find_remote

    name, directory = remote_and_directory(call)
    workspace = open_workspace(call, directory)
    remote = find_remote(workspace, name)
    runs = list_runs(workspace, remote, open_store=store_opener(workspace))
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(run) for run in runs])
    elif runs:
        rows = [row for run in runs for row in _rows(run)]
        show_table(rows, ("command", "output", "size", "stored", "age", "host", "run"))
    else:
        say(f"nothing is published on {remote.name}")
    return 0


def _rows(run: RemoteRun) -> Iterable[tuple[str, ...]]:
    from weaselish.cli.units import shown_age, shown_size

    for output in run.outputs:
        size, stored = shown_size(output.size or 0), shown_size(output.stored)
        yield run.command, output.path, size, stored, shown_age(run.published), run.host, str(run.run)


def _as_json(run: RemoteRun) -> dict[str, object]:
    fields = dataclasses.asdict(run) | {"git": run.git._asdict() if run.git else None}
    return {"made_by" if name == "host" else name: value for name, value in fields.items()}


SUBCOMMANDS = (
    Subcommand(
        "ls",
        ls,
        "List what a remote holds: outputs, runs, sizes, ages, and where they ran.",
        (JSON,),
        usage=REMOTE_USAGE,
        words_help=REMOTE_HELP,
        most_words=2,
        examples=("proj ls", "proj ls s3://bucket/prefix --json"),
    ),
)

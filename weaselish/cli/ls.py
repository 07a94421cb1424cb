"""`proj ls`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show_table
from weaselish.cli.opening import open_workspace, remote_and_directory
from weaselish.cli.subcommand import JSON, REMOTE_HELP, REMOTE_USAGE, Call, Subcommand

if TYPE_CHECKING:
    from weaselish.engine.remote.tree import Published
    from weaselish.stores.base import Stored


def ls(call: Call, *, as_json: bool) -> int:
    """List the runs that a remote holds, with their outputs, sizes, ages and hosts."""
    from weaselish.cli.remotes import find_remote, open_tree

    name, directory = remote_and_directory(call)
    workspace = open_workspace(call, directory)
    remote = find_remote(workspace, name)
    tree = open_tree(workspace, remote)
    runs = sorted(tree.all_published(), key=lambda pair: (pair[1].record.command, -pair[0].modified))
    tree.save()
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_run_json(stored, run) for stored, run in runs])
        return 0
    rows = [row for stored, run in runs for row in _run_rows(stored, run)]
    if not rows:
        say(f"nothing is published on {remote.name}")
        return 0
    show_table(rows, ("command", "output", "size", "stored", "age", "host", "run"))
    return 0


def _run_rows(stored: Stored, run: Published) -> Iterable[tuple[str, ...]]:
    from weaselish.cli.units import shown_age, shown_size

    for output in run.record.outputs:
        yield (
            run.record.command,
            output.path,
            shown_size(output.size or 0),
            shown_size(run.objects[output.path][1]),
            shown_age(stored.modified),
            _host(run),
            str(run.record.run),
        )


def _run_json(stored: Stored, run: Published) -> dict[str, object]:
    from weaselish.plan.record import NO_REPOSITORY

    record = run.record
    git = record.provenance.git if record.provenance else None
    return {
        "command": record.command,
        "run": record.run,
        "key": record.fingerprint.key,
        "published": stored.modified,
        "made_by": _host(run),
        "git": git._asdict() if git not in (None, NO_REPOSITORY) else None,
        "outputs": [
            {"path": output.path, "digest": output.digest, "size": output.size, "stored": run.objects[output.path][1]}
            for output in record.outputs
        ],
    }


def _host(run: Published) -> str:
    host = run.record.provenance.host if run.record.provenance else None
    return run.record.origin.value if host is None else host.name or "?"


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

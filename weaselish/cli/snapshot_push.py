"""`proj snapshot push`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import done, hint, left, say, warn
from weaselish.cli.opening import open_project
from weaselish.cli.quantities import read_size
from weaselish.cli.questions import can_ask
from weaselish.cli.snapshot_prune import KEEP, OLDER, policy, pruned_json, run_prune
from weaselish.cli.subcommand import (
    DIRECTORY,
    JSON,
    REMOTE_HELP,
    Argument,
    Call,
    Option,
    Subcommand,
    Takes,
    Values,
    dry,
    transfers,
)
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.engine.snapshot.left_out import Why
    from weaselish.engine.snapshot.pushed import SnapshotPushed

PROJECT = Option(
    "project",
    ("--project", "-p"),
    "The name of the project; by default `name:` of project.yml, else the folder's name.",
    Takes.TEXT,
    "NAME",
)


def push(
    call: Call,
    *,
    message: str | None,
    dry: bool,
    include_secrets: bool,
    max_file_size: str | None,
    project: str | None,
    tree: bool,
    keep: str | None,
    older_than: str | None,
    yes: bool,
    jobs: int,
    as_json: bool,
) -> int:
    """Store a snapshot of the project, and say what it left out."""
    from weaselish.cli.progress import TransferReporter

    remote, directory = (*call.words, None, None)[:2]
    largest = None if max_file_size is None else read_size("--max-file-size", max_file_size)
    pruning = policy(keep, older_than)
    opened = open_project(call, directory)
    with TransferReporter() as reporter:
        result = opened.snapshots.push(
            remote,
            message=message or "",
            project=project,
            dry=dry,
            include_secrets=include_secrets,
            max_file_size=largest,
            tree=tree,
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    _show_left_out(result.left_out)
    _show(call, result)
    pruned = None
    if keep is not None or older_than is not None:
        snapshot = result.snapshot
        pruning = pruning._replace(project=snapshot.project, dry=dry, protected=(snapshot.id,))
        pruned = run_prune(call, remote, pruning, yes=yes or not can_ask(), snapshots=opened.snapshots)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(_as_json(result) | ({} if pruned is None else {"pruned": pruned_json(pruned)}))
    return 0


def _show_left_out(left_out: Sequence[tuple[str, Why]]) -> None:
    """Name what was left out, except for what the patterns of the project name."""
    from weaselish.engine.snapshot.left_out import Why

    paths: dict[Why, list[str]] = defaultdict(list)
    for path, why in left_out:
        paths[why].append(f"`{path}`")
    for why, found in paths.items():
        listed = in_short(found, most=10, separator=", ")
        if why is Why.SECRET:
            looks = "looks like a secret" if len(found) == 1 else "look like secrets"
            warn(f"left out: {listed}, which {looks}", "`--include-secrets` stores them")
        elif why is Why.SPECIAL:
            warn(f"left out: {listed}, neither files, directories nor links")
        elif why is Why.EXECUTED:
            left(f"left out: {listed}: no pull would restore them, because other tools execute what they find there")
        elif why is Why.TOO_LARGE:
            left(f"left out: {listed}, larger than `--max-file-size`")


def _show(call: Call, result: SnapshotPushed) -> None:
    from weaselish.cli.units import counted, shown_size
    from weaselish.model.urls import without_secrets

    snapshot = result.snapshot
    if not result.is_stored or call.is_verbose:
        for path in result.new_files:
            say(f"  new: {path}")
        for path in result.outputs:
            say(f"  on the remote already, as an output of a run: {path}")
    total = f"{counted(snapshot.files, 'file')}, {shown_size(snapshot.bytes)}"
    new = f"{counted(len(result.new_files), 'file')}, {shown_size(result.new_size)} new"
    remote = without_secrets(result.remote)
    if not result.is_stored:
        done(f"would push a snapshot of {snapshot.project} to {remote}: {total}; {new}")
        return
    done(f"pushed snapshot {snapshot.id} of {snapshot.project} to {remote}: {total}; {new}")
    hint("`proj snapshot pull` brings it back" if call.is_verbose else None)


def _as_json(result: SnapshotPushed) -> dict[str, object]:
    from weaselish.cli.snapshot import snapshot_json

    return {
        "stored": result.is_stored,
        "remote": result.remote,
        "snapshot": snapshot_json(result.snapshot),
        "new_files": list(result.new_files),
        "new_size": result.new_size,
        "stored_size": result.stored,
        "outputs": list(result.outputs),
        "left_out": [{"path": path, "why": why.value} for path, why in result.left_out],
    }


SUBCOMMANDS = (
    Subcommand(
        "snapshot push",
        push,
        "Store a snapshot of the entire project.\n\n"
        "It does not store contents that the remote already has. It leaves out what .projignore names, environments, "
        "caches, and what looks like a secret.",
        (
            Option("message", ("--message", "-m"), "What the snapshot is about.", Takes.TEXT, "TEXT"),
            dry("List what would be stored, and how much of it is new."),
            Option("include_secrets", ("--include-secrets",), "Also store what looks like a secret."),
            Option("max_file_size", ("--max-file-size",), "Leave out larger files: `50MB`.", Takes.TEXT, "SIZE"),
            PROJECT,
            Option("tree", ("--tree",), "Also store plain files below the project's name, as Lab does."),
            KEEP,
            OLDER,
            Option("yes", ("--yes", "-y"), "Remove old snapshots without a question, also on a terminal."),
            transfers("Objects"),
            JSON,
        ),
        arguments=(
            Argument("REMOTE", f"{REMOTE_HELP}; by default the last one used, else `default`.", Values.REMOTES),
            DIRECTORY,
        ),
        examples=(
            "proj snapshot push s3://team-bucket/backups -m 'before the refactoring'",
            "proj snapshot push --dry",
        ),
    ),
)

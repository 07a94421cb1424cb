"""`proj snapshot pull`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import done, failed, hint, left, say, warn
from weaselish.cli.snapshot import FROM, open_snapshots, problems_json, snapshot_json
from weaselish.cli.snapshot_push import PROJECT
from weaselish.cli.subcommand import JSON, Argument, Call, Option, Subcommand, Takes, Values, transfers
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.engine.snapshot.pull import SnapshotPulled

_MOST = 20  # paths that are listed without --verbose


def pull(
    call: Call,
    *,
    remote: str | None,
    into: str | None,
    project: str | None,
    force: bool,
    exact: bool,
    tree: bool,
    keep_going: bool,
    yes: bool,
    jobs: int,
    as_json: bool,
) -> int:
    """Bring the project or a directory to the state of a snapshot; return 1 if extra files stay, or files are lost."""
    from weaselish.cli.progress import TransferReporter

    ref = call.words[0] if call.words else "latest"
    with TransferReporter() as reporter:
        result = open_snapshots(call).pull(
            ref,
            remote=remote,
            into=into,
            project=project,
            force=force,
            exact=exact,
            tree=tree,
            keep_going=keep_going,
            confirm=_confirmation(call, yes, before=reporter.stop),
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    _show(call, result)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(_as_json(result))
    return 1 if result.declined or result.problems else 0


def _confirmation(call: Call, yes: bool, *, before: Callable[[], object]) -> Callable[[Sequence[str]], bool]:
    from weaselish.cli.questions import can_ask, is_yes
    from weaselish.cli.units import counted

    def confirm(extra: Sequence[str]) -> bool:
        before()
        if yes:
            return True
        for path in extra[:_MOST]:
            say(f"  not in the snapshot: {path}")
        if len(extra) > _MOST:
            say(f"  … {len(extra) - _MOST} more")
        if not can_ask():
            return False
        return is_yes(f"Remove {counted(len(extra), 'file')}?", call.cancel)

    return confirm


def _show(call: Call, result: SnapshotPulled) -> None:
    import os

    from weaselish.cli.units import counted

    most = len(result.written) if call.is_verbose else _MOST
    for path in result.written[:most]:
        say(f"  {path}")
    if len(result.written) > most:
        say(f"  … {len(result.written) - most} more")
    for path in result.removed:
        say(f"  removed: {path}")
    where = os.path.relpath(result.directory)
    place = "" if where == "." else f" into `{where}`"
    counts = f"{len(result.written)} written, {result.unchanged} unchanged"
    what = "the tree" if result.snapshot is None else f"snapshot {result.snapshot.id}"
    if result.problems:
        for path, problem in result.problems:
            failed(f"{path}: {problem}")
        hint("`proj snapshot verify` names the damaged objects; earlier snapshots may be intact: `proj snapshot list`")
        left(f"pulled what is intact of {what} of {result.project}{place}: {counts}, {len(result.problems)} lost")
    else:
        done(f"pulled {what} of {result.project}{place}: {counts}")
    if result.skipped:
        skipped = in_short([f"`{path}`" for path in result.skipped], separator=", ")
        warn(f"left out: {skipped}: other tools execute what they find there, or it is outside of the project")
    if result.declined:
        left(f"{counted(0, 'file')} removed")
        hint("without a terminal, `--yes` confirms")


def _as_json(result: SnapshotPulled) -> dict[str, object]:
    return {
        "project": result.project,
        "snapshot": None if result.snapshot is None else snapshot_json(result.snapshot),
        "directory": result.directory,
        "written": list(result.written),
        "removed": list(result.removed),
        "unchanged": result.unchanged,
        "skipped": list(result.skipped),
        "declined": result.declined,
        "problems": problems_json(result.problems),
    }


REF = Argument("REF", "An id, the beginning of one, `latest`, or `@` and a message; by default the latest.")

SUBCOMMANDS = (
    Subcommand(
        "snapshot pull",
        pull,
        "Bring a directory to the state of a snapshot.\n\n"
        "Files that the snapshot does not have stay. If a file that exists only locally would be replaced, it changes "
        "nothing. Outside of a project, the snapshot goes to a directory named after its project.",
        (
            FROM,
            Option("into", ("--into",), "Pull into this directory.", Takes.TEXT, "DIR", values=Values.DIRECTORIES),
            PROJECT,
            Option("force", ("--force", "-F"), "Also replace what exists only locally."),
            Option("exact", ("--exact",), "Also remove files that the snapshot does not have, after a question."),
            Option("tree", ("--tree",), "Pull the plain files that `push --tree` or Lab stored, not a snapshot."),
            Option("keep_going", ("--keep-going", "-k"), "Restore what is intact of a damaged snapshot."),
            Option("yes", ("--yes", "-y"), "Remove them without a question."),
            transfers("Objects"),
            JSON,
        ),
        arguments=(REF,),
        examples=("proj snapshot pull", "proj snapshot pull --from s3://team-bucket/backups --project iris"),
    ),
)

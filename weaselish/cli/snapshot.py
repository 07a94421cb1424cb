"""`proj snapshot list`, `show`, `diff` and `verify`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weaselish.cli.console import done, failed, hint, say, show, show_table
from weaselish.cli.subcommand import JSON, REMOTE_HELP, Argument, Call, Option, Subcommand, Takes, Values
from weaselish.errors import UsageError, listed

if TYPE_CHECKING:
    from weaselish.api.snapshots import Snapshots
    from weaselish.engine.snapshot.listing import ListedSnapshot
    from weaselish.plan.snapshot import Snapshot
    from weaselish.plan.snapshot_entries import Entry

FROM = Option(
    "remote",
    ("--from",),
    f"{REMOTE_HELP}; by default the last one used, else `default`.",
    Takes.TEXT,
    "REMOTE",
    values=Values.REMOTES,
)
PROJECT = Option("project", ("--project", "-p"), "A project other than this one.", Takes.TEXT, "NAME")
_REF = "An id, the beginning of one, `latest`, or `@` and a message"


def open_snapshots(call: Call) -> Snapshots:
    """Return the snapshots of the project around the current directory, or of none."""
    from weaselish.api.snapshots import Snapshots

    return Snapshots(overrides=call.extras.overrides)


def list_snapshots(call: Call, *, remote: str | None, project: str | None, all_projects: bool, as_json: bool) -> int:
    """List the snapshots on a remote; return 1 if one is damaged."""
    listed = open_snapshots(call).list(remote=remote, project=project, all_projects=all_projects, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_listed_json(one) for one in listed])
    elif listed:
        show_table([_row(one) for one in listed], ("snapshot", "project", "files", "size", "age", "host", "message"))
    else:
        say("no snapshots")
    for one in listed:
        if one.problem:
            failed(one.problem)
    return 1 if any(one.problem for one in listed) else 0


def _row(one: ListedSnapshot) -> tuple[str, ...]:
    from weaselish.cli.units import shown_age, shown_size

    age, snapshot = shown_age(one.stored), one.snapshot
    if snapshot is None:
        return one.id, one.project, "", "", age, "", "damaged"
    size = shown_size(snapshot.bytes)
    return one.id, one.project, str(snapshot.files), size, age, snapshot.host, snapshot.message


def _listed_json(one: ListedSnapshot) -> dict[str, object]:
    snapshot = None if one.snapshot is None else snapshot_json(one.snapshot)
    return {"project": one.project, "id": one.id, "stored": one.stored, "snapshot": snapshot, "problem": one.problem}


def snapshot_json(snapshot: Snapshot) -> dict[str, object]:
    fields: dict[str, object] = dict(snapshot._asdict())
    fields["git"] = snapshot.git and snapshot.git._asdict()
    fields["entries"] = snapshot.entries._asdict()
    return fields


def problems_json(problems: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "problem": problem} for path, problem in problems]


def show_snapshot(call: Call, *, remote: str | None, project: str | None, as_json: bool) -> int:
    """Show a snapshot and what is in it."""
    from weaselish.cli.units import counted, shown_size
    from weaselish.plan.snapshot_entries import kind_of

    (ref,) = _refs(call, 1)
    read = open_snapshots(call).show(ref, remote=remote, project=project, cancel=call.cancel)
    snapshot = read.snapshot
    if as_json:
        from weaselish.cli.json_output import print_json

        entries = [{"kind": kind_of(entry), **entry._asdict()} for entry in read.entries]
        print_json({"snapshot": snapshot_json(snapshot), "entries": entries})
        return 0
    show(f"snapshot {snapshot.id} of {snapshot.project}")
    if snapshot.message:
        show(f"  {snapshot.message}")
    show(f"  created: {snapshot.created} on {snapshot.host} by {snapshot.tool}")
    if snapshot.git is not None:
        show(f"  git: {snapshot.git.commit}{' with changes' if snapshot.git.dirty else ''}")
    show(f"  {counted(snapshot.files, 'file')}, {shown_size(snapshot.bytes)}")
    show()
    for entry in read.entries:
        show(_line(entry))
    return 0


def _line(entry: Entry) -> str:
    from weaselish.cli.units import shown_size
    from weaselish.plan.snapshot_entries import DirectoryEntry, FileEntry, LinkEntry

    if isinstance(entry, FileEntry):
        return f"{entry.mode:04o} {shown_size(entry.size):>10}  {entry.path}"
    if isinstance(entry, LinkEntry):
        return f"link {'':>10}  {entry.path} -> {entry.target}"
    if isinstance(entry, DirectoryEntry):
        return f"{entry.mode:04o} {'':>10}  {entry.path}/"
    return f"     {'output':>10}  {entry.path} of run {entry.run}"


def diff_snapshots(call: Call, *, remote: str | None, project: str | None, as_json: bool) -> int:
    """Show what differs between two snapshots."""
    before, after = _refs(call, 2)
    found = open_snapshots(call).diff(before, after, remote=remote, project=project, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        changed = [{"path": new.path, "before": old._asdict(), "after": new._asdict()} for old, new in found.changed]
        added, removed = ([entry._asdict() for entry in entries] for entries in (found.added, found.removed))
        print_json({"added": added, "removed": removed, "changed": changed})
        return 0
    rows = [
        *((entry.path, "added") for entry in found.added),
        *((entry.path, "removed") for entry in found.removed),
        *((new.path, "changed") for _, new in found.changed),
    ]
    if rows:
        show_table(sorted(rows), ("path", ""))
    else:
        say("the snapshots do not differ")
    return 0


def verify(call: Call, *, remote: str | None, project: str | None, as_json: bool) -> int:
    """Read all that a snapshot needs; return 1 if something is missing or damaged."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.cli.units import counted, shown_size

    ref = call.words[0] if call.words else "latest"
    with TransferReporter() as reporter:
        result = open_snapshots(call).verify(ref, remote=remote, project=project, on_event=reporter, cancel=call.cancel)
    for path, problem in result.problems:
        failed(f"{path}: {problem}")
    if result.objects:
        objects = listed(result.objects, most=4)
        hint(f"delete {objects} from the remote; then `proj snapshot push` stores the contents again")
    if as_json:
        from weaselish.cli.json_output import print_json

        problems = problems_json(result.problems)
        print_json({"snapshot": snapshot_json(result.snapshot), "files": result.files, "problems": problems})
    if not result.problems:
        done(f"snapshot {result.snapshot.id}: {counted(result.files, 'file')}, {shown_size(result.size)}, all intact")
    return 1 if result.problems else 0


def _refs(call: Call, count: int) -> tuple[str, ...]:
    if len(call.words) != count:
        what = "the snapshot is" if count == 1 else "two snapshots are"
        raise UsageError(f"{what} missing", hint="`proj snapshot list` shows them")
    return call.words


SUBCOMMANDS = (
    Subcommand(
        "snapshot list",
        list_snapshots,
        "List the snapshots of this project, the newest first.",
        (FROM, PROJECT, Option("all_projects", ("--all-projects",), "List those of all projects."), JSON),
        arguments=(),
        examples=("proj snapshot list", "proj snapshot list --from s3://team-bucket/backups --all-projects"),
    ),
    Subcommand(
        "snapshot show",
        show_snapshot,
        "Show a snapshot and what is in it.",
        (FROM, PROJECT, JSON),
        arguments=(Argument("REF", f"{_REF}.", is_required=True),),
        examples=("proj snapshot show latest",),
    ),
    Subcommand(
        "snapshot diff",
        diff_snapshots,
        "Show what differs between two snapshots.",
        (FROM, PROJECT, JSON),
        arguments=(
            Argument("A", f"{_REF}.", is_required=True),
            Argument("B", "The other snapshot.", is_required=True),
        ),
        examples=("proj snapshot diff 20261127 latest",),
    ),
    Subcommand(
        "snapshot verify",
        verify,
        "Read everything that a snapshot needs and check it.",
        (FROM, PROJECT, JSON),
        arguments=(Argument("REF", f"{_REF}; by default the latest."),),
        examples=("proj snapshot verify",),
    ),
)

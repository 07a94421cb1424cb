"""`proj snapshot prune` and `proj snapshot schedule`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from weaselish.cli.console import done, left, say, show
from weaselish.cli.quantities import read_age, read_count
from weaselish.cli.snapshot import FROM, PROJECT, open_snapshots
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Option, Subcommand, Takes, Values, dry
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.api.snapshots import Snapshots
    from weaselish.engine.snapshot.prune import Pruned, PruneOptions

KEEP = Option("keep", ("--keep",), "Keep the newest N snapshots of the project.", Takes.TEXT, "N")
OLDER = Option("older_than", ("--older-than",), "Remove only what is older: `30d`, `12h`.", Takes.TEXT, "AGE")


def prune(
    call: Call,
    *,
    remote: str | None,
    project: str | None,
    keep: str | None,
    older_than: str | None,
    yes: bool,
    dry: bool,
    as_json: bool,
) -> int:
    """Remove old snapshots; return 1 if the user was not asked or declined."""
    options = policy(keep, older_than)._replace(project=project, dry=dry)
    result = run_prune(call, remote, options, yes=yes)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(pruned_json(result))
    return 0 if dry or result.is_done or not result.has_work else 1


def policy(keep: str | None, older_than: str | None) -> PruneOptions:
    """Read `--keep` and `--older-than`. Raises UsageError."""
    from weaselish.engine.snapshot.prune import PruneOptions

    return PruneOptions(
        keep=None if keep is None else read_count("--keep", keep),
        older=None if older_than is None else read_age("--older-than", older_than),
    )


def run_prune(
    call: Call, remote: str | None, options: PruneOptions, *, yes: bool, snapshots: Snapshots | None = None
) -> Pruned:
    """Prune, ask before anything is deleted, and say what was done."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.cli.units import counted, shown_size

    with TransferReporter() as reporter:
        result = (snapshots or open_snapshots(call)).prune(
            remote=remote,
            options=options,
            confirm=_confirmation(call, yes, before=reporter.stop),
            on_event=reporter,
            cancel=call.cancel,
        )
    if result.is_done:
        done(f"{counted(len(result.removed), 'snapshot')} removed, {shown_size(result.freed)} freed")
        if result.postponed:
            left(f"what no snapshot needs stays for now: {result.postponed}")
    elif options.dry or not result.has_work:
        _foresee(result)
    return result


def _foresee(result: Pruned) -> None:
    from weaselish.cli.units import counted, shown_age, shown_size

    for one in result.removed:
        say(f"  remove {one.id}, {shown_age(one.modified)} old")
    count, size = counted(len(result.removed), "snapshot"), shown_size(result.freed)
    say(f"{count} of {result.project} to remove, {result.kept} to keep; this frees {size}")


def _confirmation(call: Call, yes: bool, *, before: Callable[[], object]) -> Callable[[Pruned], bool]:
    from weaselish.cli.questions import is_confirmed

    def confirm(foreseen: Pruned) -> bool:
        before()
        _foresee(foreseen)
        question = "They cannot be pulled afterwards. Remove them?"
        return is_confirmed(question, yes=yes, declined="nothing was removed", cancel=call.cancel)

    return confirm


def pruned_json(result: Pruned) -> dict[str, object]:
    """Return what a prune did for `--json`."""
    return {
        "project": result.project,
        "done": result.is_done,
        "removed": [one.id for one in result.removed],
        "kept": result.kept,
        "freed": result.freed,
        "postponed": result.postponed,
    }


def schedule(call: Call, *, at: str, keep: str, max_file_size: str | None) -> int:
    """Print what runs a push each day; install nothing."""
    import re
    import shlex
    import sys

    from weaselish.cli.opening import open_project
    from weaselish.cli.quantities import read_size

    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at)
    if match is None:
        raise UsageError(f"`--at {at}`: not a valid time of day", hint="`--at 03:15`")
    hour, minute = int(match[1]), int(match[2])
    read_count("--keep", keep)
    if max_file_size is not None:
        read_size("--max-file-size", max_file_size)
    remote, directory = (*call.words, None, None)[:2]
    project = open_project(call, directory)
    root, remote = project.root, project.snapshots.remote(remote)
    words = [sys.executable, "-m", "weaselish", "-C", str(root), "snapshot", "push"]
    words += [remote, "--quiet", "--keep", keep, "--yes"]
    words += ["--max-file-size", max_file_size] if max_file_size else []
    line = shlex.join(words)
    show("# crontab -e, then add this line:")
    show(f"{minute} {hour} * * * {line.replace('%', chr(92) + '%')}")
    show()
    show("# or, with systemd: ~/.config/systemd/user/proj-snapshot.service")
    show(f"[Unit]\nDescription=Snapshot of {root.name}\n\n[Service]\nType=oneshot\nExecStart={_for_systemd(words)}")
    show()
    show("# and ~/.config/systemd/user/proj-snapshot.timer")
    when = f"OnCalendar=*-*-* {hour:02}:{minute:02}:00\nPersistent=true"
    show(f"[Unit]\nDescription=Daily snapshot of {root.name}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target")
    show()
    show("# then: systemctl --user enable --now proj-snapshot.timer")
    say("nothing was installed")
    return 0


def _for_systemd(words: list[str]) -> str:
    """Return a command line as a unit file needs it: with its own quotes, `%` and `$` doubled."""
    escaped = [word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") for word in words]
    return " ".join(f'"{word}"' if any(char in word for char in " \t'\"\\;") else word for word in escaped)


SUBCOMMANDS = (
    Subcommand(
        "snapshot prune",
        prune,
        "Remove old snapshots, and what no snapshot needs.\n\n"
        "A snapshot is removed if it satisfies every policy given; the newest one stays unless `--keep 0`. Snapshots "
        "of other projects, and what they need, stay. Without a policy, only what no snapshot needs is deleted.",
        (
            FROM,
            PROJECT,
            KEEP,
            OLDER,
            Option("yes", ("--yes", "-y"), "Remove without a question."),
            dry("Show what would be removed."),
            JSON,
        ),
        arguments=(),
        examples=("proj snapshot prune --keep 7", "proj snapshot prune --older-than 30d --keep 3 --yes"),
    ),
    Subcommand(
        "snapshot schedule",
        schedule,
        "Print a crontab line and a timer for a daily snapshot.\n\nNothing is installed.",
        (
            Option("at", ("--at",), "The time of day.", Takes.TEXT, "HH:MM", "03:15"),
            Option("keep", ("--keep",), "Keep the newest N snapshots.", Takes.TEXT, "N", "7"),
            Option("max_file_size", ("--max-file-size",), "Leave out larger files: `50MB`.", Takes.TEXT, "SIZE"),
        ),
        arguments=(
            Argument("REMOTE", "The remote of the snapshots; by default the last one used.", Values.REMOTES),
            DIRECTORY,
        ),
        examples=("proj snapshot schedule", "proj snapshot schedule lab --at 02:30 --max-file-size 50MB"),
    ),
)

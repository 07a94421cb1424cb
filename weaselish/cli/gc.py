"""`proj gc`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from weaselish.cli.arguments import member
from weaselish.cli.console import done, hint, show, show_table, warn
from weaselish.cli.opening import open_project, remote_and_directory
from weaselish.cli.quantities import read_age, read_count, read_size
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, Call, Option, Subcommand, Takes, dry
from weaselish.errors import listed

if TYPE_CHECKING:
    from weaselish.engine.gc.collect import Collected, GcOptions

_MOST_ROWS = 20  # removed runs that are listed without --verbose


def gc(
    call: Call,
    *,
    keep_last: str | None,
    older_than: str | None,
    budget: str | None,
    also_irreplaceable: bool,
    unrecorded: bool,
    grace: str,
    refs: str,
    dry: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove runs from a remote, and free what nothing needs; return 1 if the user was not asked or declined."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.engine.gc.choose import Policy
    from weaselish.engine.gc.collect import GcOptions
    from weaselish.engine.gc.protected import Refs

    remote, directory = remote_and_directory(call)
    policy = Policy(
        last=None if keep_last is None else read_count("--keep-last", keep_last),
        older=None if older_than is None else read_age("--older-than", older_than),
        budget=None if budget is None else read_size("--budget", budget),
        irreplaceable=also_irreplaceable,
        grace=read_age("--grace", grace),
    )
    options = GcOptions(policy, member(Refs, "set of refs", refs), unrecorded, dry)
    project = open_project(call, directory)
    own = frozenset(project.shown_model.written)
    with TransferReporter() as reporter:
        result = project.gc(
            remote,
            options=options,
            confirm=_confirmation(call, yes, as_json, own, before=reporter.stop),
            on_event=reporter,
            cancel=call.cancel,
        )
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(_as_json(result, dry=dry))
    elif dry or not _has_work(result):
        _show(call, result, options, own)
    if result.is_done:
        from weaselish.cli.units import counted, shown_size

        done(f"{counted(len(result.choice.removed), 'run')} removed, {shown_size(result.freed)} freed")
        _hint_at_rest(result)
    return 0 if dry or result.is_done or not _has_work(result) else 1


def _has_work(result: Collected) -> bool:
    return bool(result.choice.removed or result.freed or result.orphaned)


def _confirmation(
    call: Call, yes: bool, as_json: bool, own: Collection[str], *, before: Callable[[], object]
) -> Callable[[Collected], bool]:
    """Return the function that shows what will be done and asks. It calls `before` before it prints."""
    from weaselish.cli.questions import is_confirmed

    def confirm(foreseen: Collected) -> bool:
        before()
        if not as_json:
            _show(call, foreseen, None, own)
        return is_confirmed("Delete this?", yes=yes, declined="nothing was deleted", cancel=call.cancel)

    return confirm


def _show(call: Call, result: Collected, options: GcOptions | None, own: Collection[str]) -> None:
    """Show what is removed, what that frees and costs, and why the rest stays. `own`: the project's commands."""
    from weaselish.cli.units import counted, shown_age, shown_duration, shown_size

    choice = result.choice
    if choice.removed:
        most = len(choice.removed) if call.is_verbose else _MOST_ROWS
        removed = [
            (
                run.command,
                run.record.rpartition("/")[2].removesuffix(".json"),
                shown_age(run.modified),
                shown_size(size),
                "unknown" if run.seconds is None else shown_duration(run.seconds),
            )
            for run, size in choice.removed[:most]
        ]
        if len(choice.removed) > most:
            removed.append((f"… {len(choice.removed) - most} more", "", "", "", ""))
        show_table(removed, ("remove", "run", "age", "frees", "to rebuild"))
        show()
    rows = [
        (why.value, str(kept.runs), shown_size(kept.size), shown_duration(kept.seconds) if kept.seconds else "unknown")
        for why, kept in choice.kept.items()
    ]
    if rows:
        show_table(rows, ("keep", "runs", "size", "to rebuild"))
        show()
    sizes = f"{shown_size(choice.frees)} of {shown_size(result.total)}"
    show(f"{counted(len(choice.removed), 'run')} to remove, {sizes}")
    others = [name for run, _ in choice.removed if (name := run.command.partition("@")[0]) not in own]
    if others:
        names = listed(sorted(set(others)), most=1)
        warn(f"commands of {counted(len(others), 'run')} to remove are not in project.yml: {names}")
        hint("another project may use this remote: its lock files do not count here")
    if result.orphaned > choice.frees:
        show(f"{shown_size(result.orphaned - choice.frees)} of objects without a record to remove.")
    if choice.seconds:
        show(f"Computing them again would take {shown_duration(choice.seconds)}.")
    if result.freed:
        show(f"{shown_size(result.freed)} can be freed now.")
    if result.waiting:
        show(f"{shown_size(result.waiting)} can be freed once the grace time of an earlier `proj gc` is over.")
    if options is not None and options.policy.is_empty and not choice.removed:
        show("no policy was given: `--keep-last`, `--older-than` and `--budget` choose runs to remove")


def _hint_at_rest(result: Collected) -> None:
    from weaselish.cli.units import shown_size

    if result.orphaned:
        hint(f"`proj gc` frees {shown_size(result.orphaned)} more once the grace time is over")


def _as_json(result: Collected, *, dry: bool) -> dict[str, Any]:
    choice = result.choice
    return {
        "dry": dry,
        "done": result.is_done,
        "total": result.total,
        "freed": result.freed,
        "orphaned": result.orphaned,
        "waiting": result.waiting,
        "seconds": choice.seconds,
        "removed": [
            {
                "command": run.command,
                "run": int(run.record.rpartition("/")[2].removesuffix(".json")),
                "key": run.key,
                "size": size,
                "seconds": run.seconds,
            }
            for run, size in choice.removed
        ],
        "kept": {why.value: kept._asdict() for why, kept in choice.kept.items()},
    }


SUBCOMMANDS = (
    Subcommand(
        "gc",
        gc,
        "Remove old results from a remote or the run cache.\n\n"
        "A run is removed if it satisfies every policy given. `proj` always keeps what a lock file of this checkout, "
        "of a branch or of a tag names. A later call frees the objects, once the grace time is over.",
        (
            dry("Show what would be removed, and why the rest stays."),
            Option("keep_last", ("--keep-last",), "Keep the last N results of each output.", Takes.TEXT, "N"),
            Option("older_than", ("--older-than",), "Remove only what is older: `30d`, `12h`.", Takes.TEXT, "AGE"),
            Option(
                "budget",
                ("--budget",),
                "Stop when only this much is left: `50GB`. It first removes what is cheapest to compute again.",
                Takes.TEXT,
                "SIZE",
            ),
            Option("also_irreplaceable", ("--also-irreplaceable",), "Also remove what cannot be computed again."),
            Option("unrecorded", ("--unrecorded",), "Also free objects that no record names, such as Weasel's."),
            Option(
                "grace",
                ("--grace",),
                "How long to keep objects that nothing names yet: a push may still need them.",
                Takes.TEXT,
                "AGE",
                "1d",
            ),
            Option(
                "refs",
                ("--refs",),
                "Which refs' lock files protect what they name: all, branches or none.",
                Takes.TEXT,
                "REFS",
                "all",
                values=("all", "branches", "none"),
            ),
            Option("yes", ("--yes", "-y"), "Delete without a question."),
            JSON,
        ),
        arguments=(REMOTE, DIRECTORY),
        examples=("proj gc --keep-last 3 --dry", "proj gc local --budget 50GB", "proj gc default --older-than 30d -y"),
    ),
)

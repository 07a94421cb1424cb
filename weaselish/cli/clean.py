"""`proj clean`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import done, failed, hint, left, say
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import JSON, NAMES, Call, Option, Subcommand, Takes, Values, dry

if TYPE_CHECKING:
    from weaselish.engine.remote.clean import Cleaned


def clean(call: Call, *, dry: bool, remote: str | None, yes: bool, as_json: bool) -> int:
    """Remove outputs, showing one line per output; return 1 if a question was not answered or something failed."""
    from weaselish.cli.progress import TransferReporter
    from weaselish.cli.questions import can_ask

    names, directory = names_and_directory(call.words)
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        rows = project.clean(
            *names,
            remote=remote,
            dry=dry,
            confirm=_confirmation(call, yes, before=reporter.stop),
            on_event=reporter,
            cancel=call.cancel,
        )
    is_refused = not dry and not yes and not can_ask() and any(row.is_only_local for row in rows)
    for row in rows:
        _show(row, dry=dry)
    say(_counts(rows, dry=dry))
    if is_refused:
        hint("without a terminal, `--yes` also removes what exists only locally")
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(row) for row in rows])
    return 1 if is_refused or any(row.is_error for row in rows) else 0


def _confirmation(call: Call, yes: bool, *, before: Callable[[], object]) -> Callable[[Sequence[Cleaned]], bool]:
    """Return the function that asks about outputs that exist only locally. It calls `before` before it prints."""
    from weaselish.cli.questions import can_ask, is_yes
    from weaselish.cli.units import counted, shown_size

    def confirm(rows: Sequence[Cleaned]) -> bool:
        if yes or not can_ask():
            return yes
        before()
        for row in rows:
            left(f"{row.command}: `{row.output}` exists only locally, {shown_size(row.size or 0)}")
        return is_yes(f"Remove {counted(len(rows), 'output')} that no remote holds?", call.cancel)

    return confirm


def _show(row: Cleaned, *, dry: bool) -> None:
    subject = f"{row.command}: `{row.output}`"
    if row.kept is None:
        done(f"{subject} {'would be removed' if dry else 'removed'}: {_holder(row)}")
        return
    text = f"{subject} {'would be asked about' if dry and row.is_only_local else 'kept'}: {row.kept}"
    (failed if row.is_error else left)(text)
    hint(row.hint)


def _holder(row: Cleaned) -> str:
    if row.is_in_cache:
        return "the run cache holds it"
    return f"remote `{row.remote}` holds it" if row.remote else "it existed only locally"


def _counts(rows: Sequence[Cleaned], *, dry: bool) -> str:
    from weaselish.cli.units import counted, shown_size

    removed = [row for row in rows if row.kept is None]
    size = shown_size(sum(row.size or 0 for row in removed))
    kept = f", {len(rows) - len(removed)} kept" if len(rows) > len(removed) else ""
    if not rows:
        return "nothing to remove"
    return f"{counted(len(removed), 'output')} {'would be ' if dry else ''}removed ({size}){kept}"


def _as_json(row: Cleaned) -> dict[str, Any]:
    return {
        "command": row.command,
        "output": row.output,
        "removed": row.kept is None,
        "size": row.size,
        "remote": row.remote,
        "kept": row.kept,
    }


SUBCOMMANDS = (
    Subcommand(
        "clean",
        clean,
        "Remove outputs that a remote holds; ask about the others.\n\n"
        "`proj pull` brings back what a remote holds. Outputs without a recorded run are removed only if their command "
        "is named.",
        (
            dry("Show what would be removed; change nothing."),
            Option(
                "remote",
                ("--remote",),
                "The only remote that counts. Default: every remote that can be asked, and the run cache.",
                Takes.TEXT,
                "REMOTE",
                values=Values.REMOTES,
            ),
            Option("yes", ("--yes", "-y"), "Also remove what exists only locally, without a question."),
            JSON,
        ),
        arguments=NAMES,
        examples=("proj clean --dry", "proj clean train", "proj clean --remote default"),
    ),
)

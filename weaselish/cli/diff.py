"""`proj diff`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.changes import CHANGES, with_changes
from weaselish.cli.console import paint, say, show, show_heading
from weaselish.cli.markdown import cell, markdown_table
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import DIRECTORY, JSON, MARKDOWN, Argument, Call, Subcommand, Values
from weaselish.cli.units import shown_time
from weaselish.plan.metrics import shown_value

if TYPE_CHECKING:
    from weaselish.engine.diff import RunDiff
    from weaselish.plan.comparison import Change, Comparison, MetricChange
    from weaselish.plan.record import Record

_STYLES = {"- ": "red", "+ ": "green"}
_PARTS = ("deps", "env", "outputs")


def diff(call: Call, *, changes: tuple[str, ...], as_json: bool, as_markdown: bool) -> int:
    """Show what differs between two runs, or between the last run and the current state."""
    words, directory = names_and_directory(call.words)
    call = with_changes(call, [word for word in words if not word.isdecimal()], changes)
    found = open_project(call, directory).diff(*words, on_event=show_note, cancel=call.cancel)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(one) for one in found])
    elif not found:
        say("nothing differs from the last runs")
    elif as_markdown:
        show("\n\n".join("\n\n".join(_markdown(one)) for one in found))
    else:
        for index, one in enumerate(found):
            if index:
                show()
            _show(one)
    return 0


def _title(one: RunDiff) -> str:
    old = f"{one.old.command} " if one.old.command != one.command else ""
    return f"{one.command}: {old}{_run(one.old)} → {_run(one.new) if one.new else 'current state'}"


def _run(record: Record) -> str:
    return f"run {str(record.run)[-6:]} ({shown_time(record.run / 1e6)})"


def _show(one: RunDiff) -> None:
    show_heading(_title(one))
    found = one.comparison
    if found.is_empty:
        show("  nothing differs")
    if found.script:
        show("  script")
        for line in found.script:
            style = _STYLES.get(line[:2], "")
            print(paint(f"    {line}", style, sys.stdout))
    for part in _PARTS:
        changes: tuple[Change, ...] = getattr(found, part)
        if changes:
            show(f"  {part}")
        for change in changes:
            detail = f" ({change.detail})" if change.detail else ""
            show(f"    {change.kind.value:<7}  {change.name}{detail}")
    if found.metrics:
        show("  metrics")
        width = max(len(name) for name, *_ in _metric_rows(found))
        for name, old, new, delta in _metric_rows(found):
            show(f"    {name:<{width}}  {old or '–'} → {new or '–'}{f'  ({delta})' if delta else ''}")


def _metric_rows(found: Comparison) -> list[tuple[str, str, str, str]]:
    names = [change.name for change in found.metrics]

    def label(change: MetricChange) -> str:
        return change.name if names.count(change.name) == 1 else f"{change.file}:{change.name}"

    return [
        (label(change), shown_value(change.old), shown_value(change.new), _delta(change.delta))
        for change in found.metrics
    ]


def _delta(delta: float | None) -> str:
    return "" if delta is None else f"{delta:+.6g}"


def _markdown(one: RunDiff) -> Iterator[str]:
    found = one.comparison
    yield f"### {cell(_title(one))}"
    if found.is_empty:
        yield "Nothing differs."
    if found.script:
        fence = "`" * max(3, 1 + max(line.count("`") for line in found.script))
        yield "\n".join([f"{fence}diff", *found.script, fence])
    rows = [(part, change) for part in _PARTS for change in _changes(found, part)]
    if rows:
        yield markdown_table(
            ((part, change.name, change.kind.value, change.detail or "") for part, change in rows),
            ("what", "name", "change", "detail"),
        )
    if found.metrics:
        yield markdown_table(_metric_rows(found), ("metric", "old", "new", "delta"))


def _changes(found: Comparison, part: str) -> Iterable[Change]:
    changes: tuple[Change, ...] = getattr(found, part)
    return changes


def _as_json(one: RunDiff) -> dict[str, object]:
    found = one.comparison
    return {
        "command": one.command,
        "old": {"run": one.old.run, "command": one.old.command},
        "new": {"run": one.new.run, "command": one.new.command} if one.new else None,
        "script": list(found.script),
        **{
            part: [{**change._asdict(), "kind": change.kind.value} for change in _changes(found, part)]
            for part in _PARTS
        },
        "metrics": [{**change._asdict(), "delta": change.delta} for change in found.metrics],
    }


STEP = Argument("STEP|RUN", "A command or workflow, then up to two run ids.", Values.TARGETS, is_repeated=True)

SUBCOMMANDS = (
    Subcommand(
        "diff",
        diff,
        "Compare two runs, or the last run with the current state.\n\n"
        "It compares script, deps, env, outputs and metrics. With one run id, it compares that run with the last one. "
        "With two, it compares these two, which may be of different steps. Values of the environment are never shown. "
        "`proj log` shows the run ids; their last digits are enough.",
        (CHANGES, JSON, MARKDOWN),
        arguments=(STEP, DIRECTORY),
        examples=("proj diff", "proj diff train", "proj diff train 683418", "proj diff 683418 164111 --md"),
    ),
)

"""Compares runs side by side: their scripts, deps, variables, outputs and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weaselish.errors import UsageError
from weaselish.plan.metrics import MetricValue
from weaselish.plan.record import Record
from weaselish.serve.views.runs import RunItem, find_run, item_of
from weaselish.serve.views.sources import Source

MOST = 8  # runs side by side


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One fact, with a value of each run. None where a run does not have it."""

    name: str
    values: tuple[str | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric, with a value of each run."""

    name: str
    values: tuple[bool | int | float | str | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs side by side, the oldest first; differences first. `changes`: what differs in directories of two runs."""

    runs: tuple[RunItem, ...]
    metrics: tuple[ComparedMetric, ...]
    script: tuple[ComparedRow, ...]
    deps: tuple[ComparedRow, ...]
    env: tuple[ComparedRow, ...]
    outputs: tuple[ComparedRow, ...]
    changes: tuple[str, ...]


def compare_runs(source: Source, ids: Sequence[int]) -> Compared:
    """Return runs side by side. Raises UnknownName and UsageError."""
    if len(ids) > MOST:
        raise UsageError(f"at most {MOST} runs can be compared at once")
    runs = [find_run(source, run) for run in sorted(dict.fromkeys(ids))]
    records = [run.record for run in runs]
    return Compared(
        tuple(map(item_of, runs)),
        _metrics(records),
        _rows(records, lambda record: _script(source, record)),
        _rows(records, lambda record: {path: _short(digest) for path, digest in record.fingerprint.deps}),
        _rows(records, lambda record: {name: _short(digest) for name, digest in record.fingerprint.env}),
        _rows(records, lambda record: {output.path: _short(output.digest) for output in record.all_outputs}),
        _changes(source, records),
    )


def _script(source: Source, record: Record) -> dict[str, str]:
    lines = source.shown_script(record.command, record.fingerprint.script)
    args = source.shown_script(record.command, (" ".join(record.fingerprint.args),))[0]
    facts = {f"line {number}": line for number, line in enumerate(lines, 1)}
    facts |= {"arguments": args} if args else {}
    facts |= {"shell": str(record.fingerprint.shell)} if record.fingerprint.shell else {}
    return facts | ({} if record.fingerprint.workdir == "." else {"workdir": record.fingerprint.workdir})


def _rows(records: Sequence[Record | None], facts_of: Callable[[Record], dict[str, str]]) -> tuple[ComparedRow, ...]:
    facts = [facts_of(record) if record else {} for record in records]
    names = dict.fromkeys(name for one in facts for name in one)
    rows = ((name, tuple(one.get(name) for one in facts)) for name in names)
    found = (ComparedRow(name, values, len(set(values)) > 1) for name, values in rows)
    return tuple(sorted(found, key=lambda row: not row.differs))


def _metrics(records: Sequence[Record | None]) -> tuple[ComparedMetric, ...]:
    found: list[dict[str, MetricValue]] = []
    for record in records:
        files = record.metrics if record else {}
        is_one = len(files) == 1
        found.append(
            {
                name if is_one else f"{path}:{name}": value
                for path, values in files.items()
                for name, value in values.items()
            }
        )
    names = dict.fromkeys(name for one in found for name in one)
    rows = ((name, tuple(one.get(name) for one in found)) for name in names)
    found_rows = (ComparedMetric(name, values, len(set(values)) > 1) for name, values in rows)
    return tuple(sorted(found_rows, key=lambda row: not row.differs))


def _changes(source: Source, records: Sequence[Record | None]) -> tuple[str, ...]:
    if len(records) != 2 or records[0] is None or records[1] is None:
        return ()
    comparison = source.project.compare(records[0], records[1]).comparison
    return tuple(
        f"{change.name}: {change.detail}" for change in (*comparison.deps, *comparison.outputs) if change.detail
    )


def _short(digest: str | None) -> str:
    return "missing" if digest is None else digest[:12] if len(digest) > 12 else digest or "missing"

"""One run as the index holds it, and how the lines of a journal change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import RowMapping

from weaselish.named_tuple import NamedTuple
from weaselish.plan.metrics import Metrics, MetricValue
from weaselish.plan.record import Origin, Record
from weaselish.records.history import PastResult
from weaselish.records.journal_lines import Ended, Started

_NO_METRICS: Metrics = MappingProxyType({})
FETCHED = (Origin.PULLED, Origin.RESTORED)  # of records of runs that took place earlier
_OPEN = (PastResult.RUNNING, PastResult.INTERRUPTED, PastResult.PULLED)  # what a record settles

RunKey = tuple[int, str]  # run id and command
Mask = Callable[[str], str]


class RunRow(NamedTuple):
    """One start of a command, or one record of it, as `weaselish.records.history.PastRun`. It has no outputs.

    `started` in seconds since 1970. `journal` stands for one `proj` process. `record_start` and `record_end` are the
    bytes of the journal that hold the full record. `version` is the project's version at the last change of the row.
    """

    run: int
    command: str
    started: float
    state: PastResult
    journal: str
    key: str = ""
    seconds: float | None = None
    exit_code: int | None = None
    message: str | None = None  # why it failed
    reasons: tuple[str, ...] = ()
    metrics: Metrics = _NO_METRICS
    commit: str | None = None  # empty outside a repository
    is_dirty: bool | None = None
    pid: int | None = None  # of the process that ran it, on `host` for `user`
    host: str | None = None
    user: str | None = None
    record_start: int | None = None
    record_end: int | None = None
    version: int = 0

    @property
    def is_running(self) -> bool:
        return self.state is PastResult.RUNNING


class Process(NamedTuple):
    """The process that writes a journal."""

    pid: int | None = None
    host: str | None = None
    user: str | None = None


def started_row(line: Started, journal: str, process: Process) -> RunRow:
    """Return the row of a run that has begun and has no end yet."""
    state = PastResult.RUNNING
    return RunRow(
        line.run, line.command, line.at, state, journal, key=line.key, reasons=line.reasons, **process._asdict()
    )


def ended_row(row: RunRow, line: Ended) -> RunRow:
    """Return the row of a run that left no record of its own."""
    return row._replace(
        state=PastResult(line.how.value), seconds=line.seconds, exit_code=line.exit_code, message=line.message
    )


def recorded_row(row: RunRow | None, record: Record, journal: str, process: Process) -> RunRow:
    """Return the row of a run with its record. `row` is None if the journal has no start of it."""
    if row is not None and row.state not in _OPEN:
        return row
    state = PastResult.DONE if record.origin is Origin.RUN else PastResult(record.origin.value)
    row = row or RunRow(record.run, record.command, record.run / 1e6, state, journal, **process._asdict())
    row = row._replace(state=state, key=record.fingerprint.key, metrics=record.metrics)
    facts = record.provenance
    if facts is None:
        return row
    if facts.git is not None:
        row = row._replace(commit=facts.git.commit, is_dirty=facts.git.dirty)
    return row if record.origin in FETCHED else row._replace(seconds=facts.seconds)


def to_columns(row: RunRow, mask: Mask) -> dict[str, Any]:
    """Return the columns of a row, with secrets masked."""
    columns = row._asdict() | {"state": row.state.value}
    columns["message"] = None if row.message is None else mask(row.message)
    columns["reasons"] = json.dumps([mask(reason) for reason in row.reasons])
    columns["metrics"] = json.dumps({path: masked_metrics(values, mask) for path, values in row.metrics.items()})
    return {name: _storable(value) for name, value in columns.items()}


def from_columns(columns: RowMapping) -> RunRow:
    """Return a row as read from the table."""
    values = {name: columns[name] for name in RunRow._fields}
    values["state"] = PastResult(values["state"])
    values["reasons"] = tuple(json.loads(values["reasons"]))
    values["metrics"] = json.loads(values["metrics"])
    return RunRow(**values)


def masked_metrics(values: Mapping[str, MetricValue], mask: Mask) -> dict[str, MetricValue]:
    """Return metrics with secrets masked, in names as well."""
    return {mask(name): mask(value) if isinstance(value, str) else value for name, value in values.items()}


def _storable(value: Any) -> Any:
    """Return text that UTF-8 and PostgreSQL can hold: names of files may have any bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return value

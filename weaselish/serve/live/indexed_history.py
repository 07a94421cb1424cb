"""Past runs of a project from the index, in the form that views use."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from weaselish.engine.metrics_table import MetricsTable, metrics_table
from weaselish.engine.picture import Past
from weaselish.files.state_dir import STATE
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import Record
from weaselish.records.history import PastResult, PastRun
from weaselish.records.journal_lines import Began
from weaselish.records.logs import log_name, log_path
from weaselish.serve.live.live_project import LiveProject
from weaselish.serve.storage.run_queries import MOST, RunFilter
from weaselish.serve.storage.run_row import RunRow
from weaselish.serve.views.history import Call

_FRESH = 0.1  # seconds
_MOST_MEASURED = 500  # runs with metrics that pages show
_NOTHING = Fingerprint((), (), (), (), False, ".")


class IndexedHistory:
    """Answers without reading journals, except for full records. Each method brings the index up to date first.

    It answers with what is indexed if that takes long. Thread-safe. Each method raises DatabaseError.
    """

    def __init__(self, project: LiveProject) -> None:
        self._project = project
        self._logs = str(log_path(project.root / STATE, "", 0).parent)
        self._lock = threading.Lock()  # guards what follows: what `past` returned last
        self._fresh_until = 0.0
        self._version = -1
        self._last: dict[str, PastRun] = {}
        self._usual: dict[str, float] = {}

    def _refresh(self) -> None:
        """Bring the index up to date, once for all that one page asks."""
        if time.monotonic() >= self._fresh_until:
            self._project.refresh()
            self._fresh_until = time.monotonic() + _FRESH

    def version(self) -> int:
        """Return a number that rises whenever a run has begun or ended."""
        self._refresh()
        return self._project.runs.version()

    def newest(
        self, *, command: str | None = None, before: int | None = None, most: int = 50, with_records: bool = False
    ) -> Sequence[PastRun]:
        """Return runs, the newest first: of one command, and with ids below `before`."""
        self._refresh()
        commands = () if command is None else (command,)
        chosen = RunFilter(commands, before=None if before is None else (before, ""))
        runs = self._project.runs
        rows = runs.runs(chosen, most=most)
        if not with_records:
            return [self._past_run(row) for row in rows]
        return [self._past_run(row)._replace(record=runs.record(row)) for row in rows]

    def next_of(self, command: str, run: int) -> PastRun | None:
        """Return the first run of a command after another."""
        self._refresh()
        row = self._project.runs.next_of(command, run)
        return None if row is None else self._past_run(row)

    def find(self, run: int) -> Sequence[PastRun]:
        """Return the runs with an id, with their records."""
        self._refresh()
        runs = self._project.runs
        return [self._past_run(row)._replace(record=runs.record(row)) for row in runs.with_id(run)]

    def of_call(self, call: str, *, most: int) -> Call:
        """Return one call of `proj`, its runs without reasons and metrics."""
        if not call:
            return Call()
        self._refresh()
        runs, journal = self._project.runs, f"{call}.jsonl"
        rows = runs.of_journal(journal, most=most)
        return Call(tuple(map(self._past_run, rows)), *runs.span_of_journal(journal))

    def running(self) -> Sequence[PastRun]:
        """Return the runs that have not ended, the newest first."""
        self._refresh()
        rows = self._project.runs.runs(RunFilter(states=(PastResult.RUNNING,)), most=MOST)
        return [self._past_run(row) for row in rows]

    def metrics(self, command: str | None = None) -> MetricsTable:
        """Return the metrics of the newest runs, the oldest of them first."""
        self._refresh()
        chosen = RunFilter(() if command is None else (command,), has_metrics=True)
        rows = self._project.runs.runs(chosen, most=_MOST_MEASURED)
        return metrics_table(self._past_run(row)._replace(record=_metrics_of(row)) for row in reversed(rows))

    def past(self) -> Past:
        """Return the last run of each command, and what runs usually take."""
        version = self.version()
        runs = self._project.runs
        with self._lock:
            if version != self._version:
                changed = runs.changed_since(self._version) if self._version >= 0 else []
                is_known = 0 <= self._version < version and len(changed) < MOST
                last = {row.command: row for row in changed} if is_known else {}
                newest = runs.last_of_each(last if is_known else None)
                self._last |= {name: self._past_run(row) for name, row in newest.items()}
                self._usual |= runs.usual_seconds(newest)
                self._version = version
            return Past(dict(self._last), dict(self._usual))

    def _past_run(self, row: RunRow) -> PastRun:
        """Return a run without its record."""
        log = Path(f"{self._logs}/{log_name(row.command, row.run)}")
        at = int(row.journal.partition("-")[0]) if row.journal.partition("-")[0].isdecimal() else 0
        process = None if row.pid is None or row.host is None else Began(row.pid, row.host, at, row.user)
        return PastRun(
            row.run,
            row.command,
            row.started,
            row.state,
            row.reasons,
            row.seconds,
            row.exit_code,
            log,
            row.message,
            None,
            row.journal.removesuffix(".jsonl"),
            process,
        )


def _metrics_of(row: RunRow) -> Record:
    """Return a record that has the metrics of a run, and nothing else."""
    return Record(row.run, row.command, _NOTHING, (), metrics=row.metrics)

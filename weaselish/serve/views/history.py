"""What pages ask about past runs, and the answers from the journals of a small project."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from weaselish.engine.metrics_table import MetricsTable, metrics_table
from weaselish.engine.picture import Past, past_of
from weaselish.files.state_dir import STATE
from weaselish.records.history import PastRun, past_runs
from weaselish.records.journal import journals
from weaselish.serve.storage.run_row import Mask, masked_metrics

MOST_MEASURED = 500  # runs with metrics that pages show


class Call(NamedTuple):
    """One call of `proj`: its first runs in the order in which they began, how many it has, and how long all took."""

    runs: tuple[PastRun, ...] = ()
    steps: int = 0
    seconds: float = 0.0


class History(Protocol):
    """Past runs of one project. Thread-safe. Runs come without records unless a method says so."""

    def version(self) -> object:
        """Return a value that differs whenever a run has begun or ended since."""

    def newest(
        self, *, command: str | None = None, before: int | None = None, most: int = 50, with_records: bool = False
    ) -> Sequence[PastRun]:
        """Return runs, the newest first: of one command, and with ids below `before`."""

    def next_of(self, command: str, run: int) -> PastRun | None:
        """Return the first run of a command after another, None if that is the newest."""

    def find(self, run: int) -> Sequence[PastRun]:
        """Return the runs with an id, with their records: one, unless two processes began in one microsecond."""

    def of_call(self, call: str, *, most: int) -> Call:
        """Return one call of `proj`, at most `most` of its runs. They may lack reasons and metrics."""

    def past(self) -> Past:
        """Return the last run of each command, and what runs usually take."""

    def running(self) -> Sequence[PastRun]:
        """Return the runs that have not ended, the newest first."""

    def metrics(self, command: str | None = None) -> MetricsTable:
        """Return the metrics of the newest runs, the oldest of them first."""


class JournalHistory:
    """Reads all journals again whenever one has changed, and masks secrets. An index serves many runs better."""

    def __init__(self, root: Path, mask: Mask) -> None:
        self._root = root
        self._mask = mask
        self._lock = threading.Lock()
        self._runs: list[PastRun] = []
        self._version: object = None

    def version(self) -> object:
        """Return the sizes and times of all journals."""
        found = []
        for path in journals(self._root / STATE / "runs", with_past=True):
            try:
                status = path.stat()
            except OSError:
                continue
            found.append((path.name, status.st_size, status.st_mtime_ns))
        return tuple(found)

    def _all(self) -> list[PastRun]:
        with self._lock:
            version = self.version()
            if version != self._version or any(run.result.value == "running" for run in self._runs):
                runs = [_masked(run, self._mask) for run in past_runs(self._root)]
                self._runs, self._version = runs, version
            return self._runs

    def newest(
        self, *, command: str | None = None, before: int | None = None, most: int = 50, with_records: bool = False
    ) -> Sequence[PastRun]:
        """Return runs, the newest first."""
        found = [
            run
            for run in reversed(self._all())
            if (command is None or run.command == command) and (before is None or run.run < before)
        ]
        return found[:most]

    def next_of(self, command: str, run: int) -> PastRun | None:
        """Return the first run of a command after another."""
        return next((one for one in self._all() if one.command == command and one.run > run), None)

    def find(self, run: int) -> Sequence[PastRun]:
        """Return the runs with an id."""
        return [one for one in self._all() if one.run == run]

    def of_call(self, call: str, *, most: int) -> Call:
        """Return one call of `proj`."""
        runs = tuple(run for run in self._all() if run.call == call) if call else ()
        if not runs:
            return Call()
        ended = max(run.started + (run.seconds or 0.0) for run in runs)
        return Call(runs[:most], len(runs), ended - min(run.started for run in runs))

    def past(self) -> Past:
        """Return the last run of each command, and what runs usually take."""
        return past_of(self._all())

    def running(self) -> Sequence[PastRun]:
        """Return the runs that have not ended."""
        return [run for run in reversed(self._all()) if run.result.value == "running"]

    def metrics(self, command: str | None = None) -> MetricsTable:
        """Return the metrics of the newest runs."""
        chosen = [run for run in self._all() if run.metrics and (command is None or run.command == command)]
        return metrics_table(chosen[-MOST_MEASURED:])


def _masked(run: PastRun, mask: Mask) -> PastRun:
    record = run.record
    if record is not None and record.metrics:
        metrics = {path: masked_metrics(values, mask) for path, values in record.metrics.items()}
        record = record._replace(metrics=metrics)
    message = None if run.message is None else mask(run.message)
    return run._replace(reasons=tuple(map(mask, run.reasons)), message=message, record=record)

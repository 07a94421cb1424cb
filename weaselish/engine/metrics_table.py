"""The table of runs by metric, which `proj log --metrics` shows and ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from weaselish.errors import UnknownName
from weaselish.named_tuple import NamedTuple
from weaselish.plan.metrics import Metrics, MetricValue, number_of
from weaselish.records.history import PastRun


class MetricsRow(NamedTuple):
    """One run. `values` by column; a metric that the run does not have is missing."""

    run: int
    command: str
    started: float  # seconds since 1970
    values: Mapping[str, MetricValue]


class MetricsTable(NamedTuple):
    """Runs with metrics, the oldest first unless ranked. A column is a metric's name.

    If several files of a run have the name, the file is put in front of it: `dev.json:loss`.
    """

    columns: tuple[str, ...]
    rows: tuple[MetricsRow, ...]

    def selected(self, names: Iterable[str]) -> MetricsTable:
        """Return the columns with these names, or that match these globs, in this order. Raises UnknownName."""
        kept = tuple(dict.fromkeys(column for name in names for column in self._matching(name)))
        rows = (
            row._replace(values={name: row.values[name] for name in kept if name in row.values}) for row in self.rows
        )
        return MetricsTable(kept, tuple(row for row in rows if row.values))

    def _matching(self, name: str) -> list[str]:
        if name in self.columns:
            return [name]
        if found := [column for column in self.columns if fnmatchcase(column, name)]:
            return found
        raise unknown_metric(name, self.columns)

    def ranked(self, metric: str) -> MetricsTable:
        """Return the runs by one metric, the highest first; with `-` before its name, the lowest first.

        Runs without a number there come last. Raises UnknownName.
        """
        ascends = metric.startswith("-") and metric not in self.columns
        name = metric[1:] if ascends else metric
        if name not in self.columns:
            raise unknown_metric(name, self.columns)

        def rank(row: MetricsRow) -> tuple[bool, float]:
            number = number_of(row.values.get(name))
            if number is None or math.isnan(number):
                return True, 0.0
            return False, number if ascends else -number

        return self._replace(rows=tuple(sorted(self.rows, key=rank)))


def metrics_table(runs: Iterable[PastRun]) -> MetricsTable:
    """Return the table of those runs that have metrics."""
    measured = [run for run in runs if any(run.metrics.values())]
    shared = {name for run in measured for name in _in_several_files(run.metrics)}
    rows = tuple(MetricsRow(run.run, run.command, run.started, _by_column(run.metrics, shared)) for run in measured)
    return MetricsTable(tuple(dict.fromkeys(column for row in rows for column in row.values)), rows)


def _in_several_files(metrics: Metrics) -> list[str]:
    counts = Counter(name for values in metrics.values() for name in values)
    return [name for name, count in counts.items() if count > 1]


def _by_column(metrics: Metrics, shared: Collection[str]) -> dict[str, MetricValue]:
    labels = _file_labels(tuple(metrics))
    return {
        f"{labels[path]}:{name}" if name in shared else name: value
        for path, values in metrics.items()
        for name, value in values.items()
    }


def _file_labels(paths: Sequence[str]) -> dict[str, str]:
    """Return the name of each file without its directory, if all differ: in a matrix, each step has its directory."""
    names = {path: path.rpartition("/")[2] for path in paths}
    return names if len({*names.values()}) == len(names) else {path: path for path in paths}


def unknown_metric(name: str, columns: Iterable[str]) -> UnknownName:
    """Return the error for a metric that no run has."""
    return UnknownName("metric", name, columns)

"""Metrics over runs: the table, and the series of numbers that plots draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weaselish.engine.metrics_table import MetricsTable
from weaselish.plan.metrics import number_of
from weaselish.serve.views.sources import Source

_MOST_SERIES = 12


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One run with its metrics, by column."""

    run: int
    command: str
    started: float
    values: dict[str, bool | int | float | str]

    @property
    def short_id(self) -> str:
        """The last digits of the run id."""
        return str(self.run)[-6:]


@dataclass(frozen=True, slots=True)
class Value:
    """A finite number of one run."""

    run: int
    command: str
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A metric over runs, the oldest first."""

    metric: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class MetricsView:
    """The newest runs with metrics, the newest first. `commands` have metrics; `command` is the one shown."""

    commands: tuple[str, ...]
    command: str | None
    columns: tuple[str, ...]
    runs: tuple[MeasuredRun, ...]
    series: tuple[Series, ...]


def show_metrics(source: Source, command: str | None = None) -> MetricsView:
    """Return the metrics of all commands, or of one."""
    every = source.history.metrics()
    table = every if command is None else source.history.metrics(command)
    return MetricsView(
        tuple(dict.fromkeys(row.command for row in every.rows)),
        command,
        table.columns,
        tuple(MeasuredRun(row.run, row.command, row.started, dict(row.values)) for row in reversed(table.rows)),
        series_of(table),
    )


def series_of(table: MetricsTable) -> tuple[Series, ...]:
    """Return the columns that have finite numbers, those first that vary."""
    found = []
    for column in table.columns:
        numbers = [(row, number_of(row.values.get(column))) for row in table.rows]
        values = tuple(
            Value(row.run, row.command, number)
            for row, number in numbers
            if number is not None and math.isfinite(number)
        )
        if values:
            found.append(Series(column, values))
    found.sort(key=lambda one: len({value.value for value in one.values}) < 2)
    return tuple(found[:_MOST_SERIES])

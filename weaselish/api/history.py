"""The part of the Python interface that looks back: past runs, their metrics, what differs between them, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ProjectDirectory, ignore

if TYPE_CHECKING:
    from weaselish.engine.metrics_table import MetricsTable
    from weaselish.records.history import PastRun


class History(ProjectDirectory):
    """Reports on past runs. A run is named by its id, or by the last digits of it that no other run has."""

    def log(self, *names: str, most: int | None = None, on_event: OnEvent = ignore) -> list[PastRun]:
        """Return the last runs, at most `most`, the newest last. Names are those of commands, workflows and runs."""
        from weaselish.engine.log import runs_of

        runs = runs_of(self._open(), names, report=on_event)
        return runs if most is None else runs[-most:]

    def metrics(
        self, *names: str, sort: str | None = None, most: int | None = None, on_event: OnEvent = ignore
    ) -> MetricsTable:
        """Return the metrics of runs, the newest last, or by `sort`: a metric, highest first, or `-` and a metric.

        Names are those of commands, workflows, runs and metrics, or globs; by default all. `most`: rows at most, the
        newest or the best.
        """
        from weaselish.engine.log import metrics_of

        table = metrics_of(self._open(), names, report=on_event)
        if sort is not None:
            table = table.ranked(sort)
        if most is None:
            return table
        return table._replace(rows=table.rows[:most] if sort is not None else table.rows[-most:])

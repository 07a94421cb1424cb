"""The part of the Python interface that looks back: past runs, their metrics, what differs between them, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ProjectDirectory, ignore
from weaselish.cancel import Cancel

if TYPE_CHECKING:
    from weaselish.engine.diff import RunDiff
    from weaselish.engine.metrics_table import MetricsTable
    from weaselish.engine.picture import Past
    from weaselish.engine.why import Why
    from weaselish.plan.record import Record
    from weaselish.records.history import PastRun


class History(ProjectDirectory):
    """Methods that report on past runs. Name a run by its id, or by enough of its last digits."""

    def log(self, *names: str, most: int | None = None, on_event: OnEvent = ignore) -> list[PastRun]:
        """Return the last runs, at most `most`, the newest last. Names are those of commands, workflows and runs."""
        from weaselish.engine.log import runs_of

        runs = runs_of(self._open(), names, report=on_event)
        return runs if most is None else runs[-most:]

    def usual_seconds(self) -> Mapping[str, float]:
        """Return how long each command usually takes: the median of its last successful runs."""
        from weaselish.engine.picture import usual_seconds
        from weaselish.records.history import past_runs

        return usual_seconds(past_runs(self._open().root))

    def metrics(
        self, *names: str, sort: str | None = None, most: int | None = None, on_event: OnEvent = ignore
    ) -> MetricsTable:
        """Return the metrics of runs, the newest last, or by `sort`: a metric, highest first, or `-` and a metric.

        Names are those of commands, workflows, runs and metrics, or globs; by default all. `most` limits the rows to
        the newest or the best.
        """
        from weaselish.engine.log import metrics_of

        table = metrics_of(self._open(), names, report=on_event)
        if sort is not None:
            table = table.ranked(sort)
        if most is None:
            return table
        return table._replace(rows=table.rows[:most] if sort is not None else table.rows[-most:])

    def diff(self, *words: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[RunDiff]:
        """Return what differs between two runs: script, deps, env, outputs and metrics.

        `words` are a command or workflow and up to two run ids. Without an id, compare the last run with the current
        state. With one id, compare that run with the last one; with two, compare these two. Without any word, compare
        all commands.
        """
        from weaselish.engine.diff import diff

        with self._opened(cancel) as workspace:
            return diff(workspace, words, report=on_event)

    def compare(self, old: Record, new: Record) -> RunDiff:
        """Return what differs between two records that the caller has, without reading others."""
        from weaselish.engine.diff import diff_records

        return diff_records(self._open(), old, new)

    def shown_scripts(self, scripts: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Return script lines, of runs or of project.yml, by command, with the secrets in them masked."""
        from weaselish.engine.shown_texts import shown_lines
        from weaselish.model.project import Command

        workspace = self._open()
        commands = workspace.project.commands
        return {
            name: shown_lines(workspace, commands.get(name) or Command(name), lines) for name, lines in scripts.items()
        }

    def why(
        self,
        *targets: str,
        sources: Mapping[str, str] | None = None,
        within: float | None = None,
        past: Past | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> list[Why]:
        """Explain commands: the reasons to run and where they come from, the last run, and what follows downstream.

        `sources` says where overrides come from. With `within`, it reads deps and outputs for no more than that many
        seconds. `past` saves reading the journals.
        """
        from weaselish.engine.why import why

        given = dict.fromkeys(self._overrides, "override") | dict(sources or {})
        with self._opened(cancel) as workspace:
            return why(workspace, targets, given=given, within=within, past=past, report=on_event)

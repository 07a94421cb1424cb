"""Everything that a drawing of the graph shows: steps with state, durations and last run; edges; the critical path."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from weaselish.engine import events
from weaselish.engine.shown_texts import shown_command, shown_text
from weaselish.engine.status import Status, graph
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.export import critical_path, produces
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason
from weaselish.plan.sequence import Step
from weaselish.records.history import PastResult, PastRun, past_runs
from weaselish.workspace import Workspace

_RUNS = 5  # the last ones that count for the duration that a step usually takes


class DrawnStep(NamedTuple):
    """A step as a drawing shows it, its texts without secrets. `group`: the command whose matrix it belongs to."""

    step: Step
    status: Status
    command: Command
    reasons: tuple[Reason, ...] = ()
    group: str | None = None
    seconds: float | None = None  # that it usually takes
    last: PastRun | None = None
    is_critical: bool = False


class Picture(NamedTuple):
    """The graph of a project at a moment. An edge leads from a producer to a consumer."""

    title: str
    plan: Plan
    steps: tuple[DrawnStep, ...]
    critical: tuple[Step, ...] = ()  # the steps whose durations add up to the shortest possible run of everything
    critical_seconds: float = 0.0
    taken: float = 0.0  # seconds since 1970

    @property
    def edges(self) -> tuple[tuple[Step, Step], ...]:
        """Each producer with a consumer."""
        return tuple(produces(self.plan))

    @property
    def critical_edges(self) -> frozenset[tuple[str, str]]:
        return frozenset(zip(self.critical, self.critical[1:], strict=False))


class Past(NamedTuple):
    """What a drawing shows of the past, by command: the last run, and the seconds that runs usually take."""

    last: Mapping[str, PastRun]
    usual: Mapping[str, float]


def picture(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    within: float | None = None,
    past: Past | None = None,
    report: events.Reporter,
) -> Picture:
    """Return what a drawing of the targets, or of all commands, shows. Changes nothing. Raises Cycle.

    After `within` seconds nothing more is read: steps that need it are UNCHECKED. `past` spares reading the journals.
    """
    drawn = graph(workspace, targets, within=within, report=report)
    last, usual = past or past_of(past_runs(workspace.root))
    seconds = {str(step): usual[step.command] for step in drawn.plan.steps if step.command in usual}
    critical = critical_path(drawn.plan, seconds) if seconds else ()
    steps = tuple(
        DrawnStep(
            status.step,
            status.status,
            command := shown_command(workspace, drawn.plan.command(status.step)),
            status.reasons,
            command.matrix.command if command.matrix else None,
            seconds.get(status.step),
            last.get(command.name),
            status.step in critical,
        )
        for status in drawn.steps
    )
    total = sum(seconds.get(step, 0.0) for step in critical)
    title = shown_text(workspace, workspace.project.title)
    return Picture(title, drawn.plan, steps, critical, total, time.time())


def past_of(runs: Sequence[PastRun]) -> Past:
    """Return what a drawing shows of runs, the newest last."""
    return Past({run.command: run for run in runs}, usual_seconds(runs))


def usual_seconds(runs: Sequence[PastRun]) -> Mapping[str, float]:
    """Return the median duration of the last successful runs of each command."""
    known: dict[str, list[float]] = {}
    for run in runs:
        if run.result is PastResult.DONE and run.seconds is not None:
            known.setdefault(run.command, []).append(run.seconds)
    return {command: statistics.median(seconds[-_RUNS:]) for command, seconds in known.items()}

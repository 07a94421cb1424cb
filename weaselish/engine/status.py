"""The status of each step: up to date, out of date, never ran, failed, …"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.resolve import OpenStore, find_remote
from weaselish.engine.run.planning import plan_for
from weaselish.engine.run.preview import Preview, preview
from weaselish.engine.time_limit import TimeLimit
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.selection import Selection
from weaselish.plan.sequence import Cycle, Step
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.cache.forecast import Forecast

_ALWAYS = {ReasonKind.NO_OUTPUTS, ReasonKind.NO_SKIP}


class Status(enum.Enum):
    UP_TO_DATE = "up to date"
    OUT_OF_DATE = "out of date"
    NEVER_RAN = "never ran"
    UNRECORDED = "unrecorded"  # all outputs exist, but no run is recorded: it does not run unless named
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    ALWAYS_RUNS = "always runs"
    UNKNOWN = "unknown"  # an input or output cannot be read
    UNCHECKED = "?"  # finding out takes longer than the caller waits


class StepStatus(NamedTuple):
    """`key` is that of the current command, `run` the id of its last recorded run."""

    step: Step
    status: Status
    reasons: tuple[Reason, ...]
    key: str | None = None
    run: int | None = None
    failed_at: float | None = None  # seconds since 1970; of a failed step
    exit_code: int | None = None  # of a failed step
    must_run: bool = False  # nothing vouches for its outputs; not just because it, or a step upstream, always runs
    on_remote: str | None = None  # a RemoteState, if a remote was asked
    forecast: Forecast | None = None  # what a run will do, if the cache was asked


class Graph(NamedTuple):
    """A plan with the status of its steps, in order."""

    plan: Plan
    steps: list[StepStatus]


def status(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    remote: str | None,
    cache: bool,
    within: float | None = None,
    open_store: OpenStore,
    report: events.Reporter,
) -> list[StepStatus]:
    """Return the status of each step of the targets, or of all commands. Changes nothing.

    With `cache`, outputs that the run cache holds count as present. After `within` seconds nothing more is read: steps
    that need it are UNCHECKED.
    """
    workspace.observer = ReadingEvents(report) if within is None else TimeLimit(within)
    plan = _plan(workspace, targets, report)
    previews = preview(workspace, plan, report=report)
    states: Mapping[str, str] = {}
    if remote is not None:
        from weaselish.engine.remote.states import remote_states

        states = remote_states(workspace, find_remote(workspace, remote), previews, open_store=open_store)
    report_broken_lock(workspace, report, may_replace=False)
    if workspace.project.artifacts:
        from weaselish.engine.artifacts.pins import notes_of

        for note in notes_of(workspace, [plan.command(step) for step in plan.steps]):
            report(events.Note(note))
    steps = [step._replace(on_remote=states.get(step.step)) for step in statuses(previews)]
    if not cache:
        return steps
    from weaselish.engine.cache.status import with_cache

    return with_cache(workspace, plan, steps, open_store=open_store, report=report)


def graph(
    workspace: Workspace, targets: Sequence[str], *, within: float | None = None, report: events.Reporter
) -> Graph:
    """Return the plan of the targets, or of all commands, with the status of its steps. Raises Cycle.

    After `within` seconds nothing more is read: steps that need it are UNCHECKED.
    """
    workspace.observer = ReadingEvents(report) if within is None else TimeLimit(within)
    plan = plan_for(workspace, targets or list(workspace.project.commands), lenient=True)
    report_broken_lock(workspace, report, may_replace=False)
    return Graph(plan, statuses(preview(workspace, plan, report=report)))


def _plan(workspace: Workspace, targets: Sequence[str], report: events.Reporter) -> Plan:
    """Plan the targets; if they form a cycle, report it and plan each by itself."""
    targets = targets or list(workspace.project.commands)
    try:
        return plan_for(workspace, targets, lenient=True)
    except Cycle as error:
        report(events.Note(error.message, error.hint))
        return plan_for(workspace, targets, Selection(only=True))


def statuses(previews: Sequence[Preview]) -> list[StepStatus]:
    """Return the status of each previewed step, in order."""
    results: dict[str, StepStatus] = {}
    for item in previews:
        status = _status(item)
        must_run = item.is_unrecorded or any(_matters(reason, results) for reason in item.reasons)
        staleness = item.staleness
        attempt = staleness.attempt if staleness and status is Status.FAILED else None
        results[item.step] = StepStatus(
            item.step,
            status,
            staleness.reasons if staleness and item.is_unrecorded else item.reasons,
            key=staleness.now.key if staleness else None,
            run=staleness.last.run if staleness and staleness.last else None,
            failed_at=attempt.run / 1e6 if attempt else None,
            exit_code=attempt.exit_code if attempt else None,
            must_run=must_run,
        )
    return list(results.values())


def _matters(reason: Reason, earlier: dict[str, StepStatus]) -> bool:
    """Return whether a reason is more than that the step, or one before it, always runs."""
    if reason.kind is ReasonKind.UPSTREAM_WILL_RUN and reason.subject in earlier:
        return earlier[reason.subject].must_run
    return reason.kind not in _ALWAYS


def _status(item: Preview) -> Status:
    kinds = {reason.kind for reason in item.reasons}
    if item.is_unchecked:
        return Status.UNCHECKED
    if item.staleness is None:
        return Status.NEVER_RAN if ReasonKind.NEVER_RAN in kinds else Status.UNKNOWN
    if item.is_unrecorded:
        return Status.UNRECORDED
    if not kinds:
        return Status.UP_TO_DATE
    if ReasonKind.INTERRUPTED in kinds:
        return Status.INTERRUPTED
    if item.staleness.attempt is not None and item.staleness.attempt.has_failed:
        return Status.FAILED
    if kinds <= {*_ALWAYS, ReasonKind.UPSTREAM_WILL_RUN} and kinds & _ALWAYS:
        return Status.ALWAYS_RUNS
    if ReasonKind.NEVER_RAN in kinds:
        return Status.NEVER_RAN
    return Status.OUT_OF_DATE

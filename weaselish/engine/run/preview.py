"""Previews of a run: what it would do with each step of a plan, as far as that can be known without running."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from weaselish.engine import events
from weaselish.engine.reading_events import Activity
from weaselish.engine.run.images import report_unchecked
from weaselish.engine.run.planning import needed_deps
from weaselish.engine.run.staleness import Staleness, check_staleness
from weaselish.engine.run.unrecorded import is_unrecorded
from weaselish.engine.time_limit import TooLong
from weaselish.errors import InvalidProject
from weaselish.files.walk import Unreadable
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace

_LASTING = (ReasonKind.FORCED, ReasonKind.NO_SKIP, ReasonKind.NO_OUTPUTS)  # a run does not remove them


class Preview(NamedTuple):
    """What a run would do with a step of a plan, before anything runs."""

    step: Step
    staleness: Staleness | None  # None if something cannot be read
    reasons: tuple[Reason, ...]  # why it would run: those of the check, and a step before it that will run
    is_unrecorded: bool = False  # it would not run: its outputs are used as they are
    is_unchecked: bool = False  # checking it, or a step upstream, takes longer than the caller waits


def preview(
    workspace: Workspace,
    plan: Plan,
    *,
    forced: Collection[str] = frozenset(),
    args: Mapping[str, tuple[str, ...]] | None = None,
    report: events.Reporter,
) -> list[Preview]:
    """Return what a run of the plan would do, step by step, as far as that can be known without running.

    `forced` are commands, `args` the arguments of a command. Raises Cancelled.
    """
    needed = needed_deps(plan)
    stale: set[str] = set()
    unchecked: set[str] = set()
    first: dict[str, Step] = {}  # command -> its first step
    previews = []
    checked = Activity("checking", len(plan.steps), events.Unit.STEPS, report)
    for step in plan.steps:
        workspace.cancel.check()
        item = _preview_step(workspace, plan, step, (args or {}).get(step, ()), step.command in forced, needed)
        if not item.is_unrecorded:
            upstream = next((producer for producer in plan.producers[step] if producer in stale), None)
            earlier = first.setdefault(step.command, step)
            again = earlier if earlier != step and earlier in stale else None
            item = item._replace(reasons=tuple(_with_earlier_steps(item.reasons, upstream, again)))
        if item.reasons:
            stale.add(step)
        elif not unchecked.isdisjoint(plan.producers[step]):
            item = item._replace(is_unchecked=True)
        if item.is_unchecked:
            unchecked.add(step)
        previews.append(item)
        checked(1)
    report_unchecked(workspace, report)
    return previews


def _preview_step(
    workspace: Workspace, plan: Plan, step: Step, args: tuple[str, ...], force: bool, needed: Collection[str]
) -> Preview:
    command = plan.command(step)
    try:
        staleness = check_staleness(workspace, command, args=args, force=force, needed=needed)
    except TooLong:
        records = workspace.records
        has_run = records.last(command.name) or records.last_attempt(command.name)
        if has_run or is_unrecorded(workspace, command, needed):
            return Preview(step, None, (), is_unchecked=True)
        return Preview(step, None, (Reason(ReasonKind.NEVER_RAN),))
    except (Unreadable, InvalidProject) as error:
        return Preview(step, None, (Reason(ReasonKind.UNKNOWN, detail=error.message),))
    if staleness.is_unrecorded and step.command in plan.unrecorded:
        return Preview(step, staleness, (), is_unrecorded=True)
    return Preview(step, staleness, staleness.reasons)


def _with_earlier_steps(reasons: Iterable[Reason], upstream: Step | None, again: Step | None) -> Iterator[Reason]:
    """Yield the reasons that will be left when the step's turn comes, given that earlier steps will run.

    `upstream` is a producer of a dep that will run, `again` an earlier position of the same command that will.
    """
    for reason in reasons:
        if (again is None or reason.kind in _LASTING) and not (upstream and _comes_with_upstream(reason)):
            yield reason
    if upstream is not None:
        yield Reason(ReasonKind.UPSTREAM_WILL_RUN, upstream)
    if again is not None:
        yield Reason(ReasonKind.LISTED_AGAIN, again)


def _comes_with_upstream(reason: Reason) -> bool:
    """Return whether a run of the producer removes the reason: a dep that is missing now."""
    return reason.kind is ReasonKind.DEP_CHANGED and reason.detail == "missing"

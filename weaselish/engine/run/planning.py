"""Targets → a plan for this project directory: open choices answered, missing sources refused, runs previewed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from weaselish.engine.run.staleness import Staleness, check_staleness, missing_dep
from weaselish.errors import InvalidProject, MissingDep, listed
from weaselish.files.walk import Unreadable
from weaselish.model.paths import overlap
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.record import Record
from weaselish.plan.sequence import SOURCE, Choice, Cycle, Step
from weaselish.workspace import Workspace


class Preview(NamedTuple):
    """A step of a plan as it stands before anything runs."""

    step: Step
    staleness: Staleness | None  # None where something cannot be read
    reasons: tuple[Reason, ...]  # those of the look, and that something before it will run

    @property
    def is_up_to_date(self) -> bool:
        return not self.reasons


def plan_for(
    workspace: Workspace,
    targets: Sequence[str],
    *,
    only: bool = False,
    lenient: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> Plan:
    """The plan for `targets` in this directory.

    Raises UnknownName, Cycle, MissingDep for an open choice, InvalidProject for errors in project.yml that
    are confined to steps of the plan.

    `lenient`, for questions: a dep that is not there and has several makers counts as a source.
    """
    if not lenient:
        check_usable(workspace, targets)
    chosen: dict[Choice, str] = {}
    while True:
        try:
            plan = make_plan(workspace.project, targets, only=only, chosen=chosen)
        except Cycle as cycle:
            from weaselish.engine.validate import place_of

            cycle.place = place_of(workspace, cycle.path[0])
            raise
        if not plan.choices:
            break
        for choice in plan.choices:
            maker = _chosen(workspace, choice, lenient=lenient)
            if maker == SOURCE and not _makes(workspace, choice.consumer, choice.dep):
                note(f"`{choice.dep}` is taken as it lies there: {listed(choice.producers)} make it, none recorded it")
            chosen[choice] = maker
    if not lenient:
        check_usable(workspace, plan.steps)
    return plan


def check_usable(workspace: Workspace, names: Sequence[str]) -> None:
    """Raise InvalidProject with the errors in project.yml that are confined to `names`, commands or workflows."""
    problems = workspace.project.problems_of(names)
    if problems:
        raise InvalidProject(problems)


def check_sources(workspace: Workspace, plan: Plan) -> None:
    """Raise MissingDep for the first dep that nothing in the plan makes and that is not there."""
    for step in plan.steps:
        for dep in plan.sources[step]:
            if not workspace.exists(dep) and not _makes(workspace, step, dep):
                raise missing_dep(workspace, plan.command(step), dep)


def needed_deps(plan: Plan) -> frozenset[str]:
    """All deps of all steps."""
    return frozenset(dep for step in plan.steps for dep in plan.command(step).deps)


def preview(
    workspace: Workspace,
    plan: Plan,
    *,
    forced: frozenset[str] = frozenset(),
    args: dict[str, tuple[str, ...]] | None = None,
) -> list[Preview]:
    """What a run of the plan would do, step by step, as far as it can be told without running."""
    stale: set[str] = set()
    previews = []
    needed = needed_deps(plan)
    first: dict[str, Step] = {}  # command -> its first step
    for step in plan.steps:
        workspace.cancel.check()
        command, given = plan.command(step), (args or {}).get(step, ())
        try:
            looked = check_staleness(workspace, command, args=given, force=command.name in forced, needed=needed)
            reasons = looked.reasons
        except (Unreadable, InvalidProject) as error:
            looked, reasons = None, (Reason(ReasonKind.UNKNOWN, detail=error.message),)
        upstream = next((maker for maker in plan.producers[step] if maker in stale), None)
        if upstream is not None:
            reasons = tuple(reason for reason in reasons if not _comes_with_upstream(reason))
            reasons = (*reasons, Reason(ReasonKind.UPSTREAM_WILL_RUN, upstream))
        if (earlier := first.setdefault(command.name, step)) in stale and earlier != step:
            reasons = (*_lasting(reasons), Reason(ReasonKind.LISTED_AGAIN, earlier))
        if reasons:
            stale.add(step)
        previews.append(Preview(step, looked, reasons))
    return previews


def _lasting(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return the reasons that a run of the same command does not remove."""
    lasting = (ReasonKind.FORCED, ReasonKind.NO_SKIP, ReasonKind.NO_OUTPUTS, ReasonKind.UPSTREAM_WILL_RUN)
    return tuple(reason for reason in reasons if reason.kind in lasting)


def _comes_with_upstream(reason: Reason) -> bool:
    return reason.kind is ReasonKind.DEP_CHANGED and reason.detail == "missing"


def _makes(workspace: Workspace, command: str, dep: str) -> bool:
    return any(overlap(made, dep) for made in workspace.project.commands[command].all_outputs)


def _chosen(workspace: Workspace, choice: Choice, *, lenient: bool) -> str:
    """Which of several makers a dep has here: the one that recorded it; none if it is just there."""
    if not workspace.exists(choice.dep):
        if len(choice.producers) == 1:
            return choice.producers[0]
        if lenient:
            return SOURCE
        raise MissingDep(
            f"`{choice.consumer}` needs `{choice.dep}`, which is not there and has several makers",
            hint="run one of them first: " + " or ".join(f"`proj run {name}`" for name in choice.producers),
        )
    rivals = (*choice.producers, choice.consumer)
    made_it = [(record.run, name) for name in rivals if (record := _recorded(workspace, name, choice.dep))]
    maker = max(made_it)[1] if made_it else SOURCE
    return SOURCE if maker == choice.consumer else maker


def _recorded(workspace: Workspace, name: str, dep: str) -> Record | None:
    """The last record of a command, if what it made of `dep` lies there as it made it."""
    for known in workspace.records.last(name):
        if isinstance(known, Record):
            made = [one for one in known.all_outputs if overlap(one.path, dep)]
            if made and all(workspace.digests.digest(one.path, "output") == one.digest for one in made):
                return known
    return None

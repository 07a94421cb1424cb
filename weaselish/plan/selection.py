"""Which steps of a plan run: all of them, or those from one step until another."""

from __future__ import annotations

from weaselish.errors import UnknownName, UsageError, listed, near_match
from weaselish.model.targets import listed_commands
from weaselish.named_tuple import NamedTuple
from weaselish.plan.edges import edges_of, edges_one_by_one
from weaselish.plan.graph import Plan, barriers_of
from weaselish.plan.sequence import Step


class Selection(NamedTuple):
    """Which steps of the targets' plan run, and which of them even if they are up to date."""

    only: bool = False  # exactly the targets, without their upstream
    first: str | None = None  # leave out the steps before this one
    last: str | None = None  # leave out the steps after this one
    force: bool = False  # run the targets even if up to date
    force_all: bool = False  # run every step of the plan even if up to date

    def forced(self, plan: Plan) -> frozenset[str]:
        """Return the commands that run even if they are up to date."""
        if self.force_all:
            return frozenset(plan.commands)
        return frozenset(listed_commands(plan.project, plan.targets)) if self.force else frozenset()

    def cut(self, plan: Plan) -> Plan:
        """Return the plan without the steps before `first` and after `last`. Raises UsageError if none is left."""
        if self.first is None and self.last is None:
            return plan
        start = 0 if self.first is None else _positions(plan, self.first)[0]
        end = len(plan.steps) - 1 if self.last is None else _positions(plan, self.last)[-1]
        steps = plan.steps[start : end + 1]
        if not steps:
            raise UsageError(
                f"`{self.first}` runs after `{self.last}`, so no step is left between them", hint=_steps_of(plan)
            )
        if self.only:
            edges = edges_one_by_one(plan.project, steps)
        else:
            edges = edges_of(plan.project, steps, barriers_of(plan.project, plan.targets))
        kept = {step.command for step in steps}
        return plan._replace(
            steps=steps,
            **edges._asdict(),
            choices=tuple(choice for choice in plan.choices if choice.consumer in kept),
            left_out=plan.steps[:start],
        )


ALL_STEPS = Selection()


def _positions(plan: Plan, name: str) -> list[int]:
    """Return where a step is in a plan; of a workflow, where its steps are. Raises UsageError."""
    if name in plan.steps:
        return [plan.steps.index(Step(name))]
    try:
        commands = listed_commands(plan.project, [name])
    except UnknownName:
        commands = ()
    found = [index for index, step in enumerate(plan.steps) if step.command in commands]
    if not found:
        close = near_match(name, plan.steps)
        hint = f"did you mean `{close}`? " if close else ""
        raise UsageError(f"`{name}` is not a step of this run", hint=hint + _steps_of(plan))
    return found


def _steps_of(plan: Plan) -> str:
    return f"the steps in their order: {listed(plan.steps)}"

"""The steps of each matrix as one, for texts that would list or draw all of them."""

from __future__ import annotations

from collections.abc import Iterable

from weaselish.model.project import ProjectModel
from weaselish.named_tuple import NamedTuple
from weaselish.plan.edges import StepLinks
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Step


class Folded(NamedTuple):
    """What a drawing needs of a plan."""

    steps: tuple[Step, ...]
    producers: StepLinks


def folded(plan: Plan) -> Folded:
    """Return the steps of a plan, those of each matrix as one: `train (4 steps)`."""
    owners = _owners(plan)
    producers: dict[str, dict[Step, None]] = {owner: {} for owner in owners.values()}
    for step in plan.steps:
        links = (owners[producer] for producer in plan.producers[step])
        producers[owners[step]].update((owner, None) for owner in links if owner != owners[step])
    return Folded(tuple(dict.fromkeys(owners.values())), {owner: tuple(links) for owner, links in producers.items()})


def _owners(plan: Plan) -> dict[Step, Step]:
    """Return for each step the one that stands for it: itself, or that of its matrix."""
    steps: dict[str, list[Step]] = {}
    for step in plan.steps:
        matrix = plan.command(step).matrix
        if matrix is not None:
            steps.setdefault(matrix.command, []).append(step)
    owners = {step: step for step in plan.steps}
    for name, group in steps.items():
        if len(group) > 1:
            owner = Step(name, f"{name} ({len(group)} steps)")
            owners.update(dict.fromkeys(group, owner))
    return owners


def short_names(project: ProjectModel, names: Iterable[str]) -> tuple[str, ...]:
    """Return names of commands, that of a matrix in place of all its steps if there are all of them."""
    given = dict.fromkeys(names)
    short: dict[str, None] = {}
    whole = {name: given.keys() >= set(matrix.steps) for name, matrix in project.matrices.items()}
    for name in given:
        matrix = project.commands[name].matrix
        short[matrix.command if matrix and whole[matrix.command] else name] = None
    return tuple(short)

"""Project + targets → Plan: which steps, in which order, and what each one waits for.

First the sequence: one total order in which the steps could run one at a time. Then the edges: what of that order must
be kept when several run at a time. All edges point forward in the sequence, so results under -j8 are those of -j1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from weaselish.model.project import Command, ProjectModel
from weaselish.model.targets import listed_commands
from weaselish.named_tuple import NamedTuple
from weaselish.plan.edges import StepLinks, edges_of, edges_one_by_one
from weaselish.plan.producers import Producers
from weaselish.plan.sequence import Choice, Cycle, Move, Step, StepNames, StepSequence


class Plan(NamedTuple):
    """Steps in the order in which one at a time would run, and the edges between them: see `Edges`.

    A step waits for the producers of its deps, for the readers of what it is about to replace, and for barriers.
    """

    project: ProjectModel
    targets: tuple[str, ...]
    steps: tuple[Step, ...]
    waits_for: StepLinks
    producers: StepLinks
    needs: StepLinks
    sources: Mapping[str, tuple[str, ...]]
    choices: tuple[Choice, ...] = ()
    moves: tuple[Move, ...] = ()  # where the steps differ from the listed order
    unrecorded: frozenset[str] = frozenset()  # commands whose existing outputs count as sources
    left_out: tuple[Step, ...] = ()  # earlier steps that do not run: their outputs count as sources

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of the steps, each once."""
        return tuple(dict.fromkeys(step.command for step in self.steps))

    def command(self, step: Step) -> Command:
        return self.project.commands[step.command]


def make_plan(
    project: ProjectModel,
    targets: Sequence[str],
    *,
    only: bool = False,
    chosen: Mapping[Choice, str] | None = None,
    unrecorded: Collection[str] = (),
) -> Plan:
    """Return the plan that brings `targets` up to date, with everything upstream of them.

    `only`: exactly the named commands, or the workflow's own in the listed order, one after the other. `chosen` answers
    the `choices` of an earlier plan by a producer, or by SOURCE. Commands in `unrecorded` bring nothing upstream of
    them. Raises UnknownName and Cycle. O(V + E).
    """
    listed = listed_commands(project, targets)
    kept = frozenset(unrecorded)
    if only:
        names = StepNames(project.commands)
        steps = tuple(names.next_of(name) for name in listed)
        return Plan(project, tuple(targets), steps, *edges_one_by_one(project, steps), unrecorded=kept)
    sequence = StepSequence(project, listed, chosen or {}, kept)
    edges = edges_of(project, sequence.steps, barriers_of(project, targets))
    return Plan(
        project,
        tuple(targets),
        tuple(sequence.steps),
        *edges,
        tuple(sequence.choices),
        tuple(sequence.moves),
        kept,
    )


def barriers_of(project: ProjectModel, targets: Sequence[str]) -> set[str]:
    """Return the steps without outputs that a named workflow lists."""
    listed = {name for target in targets if target in project.workflows for name in project.steps_of(target)}
    return {name for name in listed if not project.commands[name].all_outputs}


def find_cycle(project: ProjectModel, *, with_alternatives: bool = False) -> Cycle | None:
    """Return a cycle among commands each of which is the only producer of what the next one needs, from any target.

    `with_alternatives` includes the commands that are one producer of several. Without such a cycle, no plan has one.
    """
    from graphlib import CycleError, TopologicalSorter

    producers = Producers(project.commands)
    graph: TopologicalSorter[str] = TopologicalSorter()
    for command in project.commands.values():
        groups = (group for dep in command.deps for _, group in producers.groups_for(command, dep))
        considered = (group for group in groups if with_alternatives or len(group) == 1)
        graph.add(command.name, *(name for group in considered for name in group if name != command.name))
    try:
        graph.prepare()
    except CycleError as error:
        producers_first: list[str] = error.args[1]
        return Cycle(_from_first(producers_first[:0:-1], project.commands))
    return None


def _from_first(cycle: list[str], commands: Iterable[str]) -> list[str]:
    """Return a cycle that begins and ends with the command that comes first in the file."""
    rank = {name: rank for rank, name in enumerate(commands)}
    start = cycle.index(min(cycle, key=rank.__getitem__))
    return [*cycle[start:], *cycle[: start + 1]]

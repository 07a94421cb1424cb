"""What of a plan's order must be kept when several steps run at a time. All edges point forward in the sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from weaselish.model.paths import PathIndex, dep_base, inside, may_match
from weaselish.model.project import ProjectModel
from weaselish.named_tuple import NamedTuple
from weaselish.plan.sequence import Step

StepLinks = Mapping[str, tuple[Step, ...]]


class Edges(NamedTuple):
    """For each step, the earlier steps that it waits for, and why."""

    waits_for: StepLinks  # all of them
    producers: StepLinks  # those that produce a dep of it
    needs: StepLinks  # those that must succeed before it may run
    sources: Mapping[str, tuple[str, ...]]  # deps that no earlier step produces, in whole or in part


def edges_of(project: ProjectModel, steps: Sequence[Step], barriers: Collection[str]) -> Edges:
    """Return the edges between steps that run in this order. `barriers` are commands. One walk along the sequence."""
    accesses = _Accesses()
    waits_for: dict[str, tuple[Step, ...]] = {}
    producers: dict[str, tuple[Step, ...]] = {}
    needs: dict[str, tuple[Step, ...]] = {}
    sources: dict[str, tuple[str, ...]] = {}
    barrier: list[Step] = []  # the last one, if any
    since: list[Step] = []  # the steps from it on
    for step in steps:
        command, is_barrier = project.commands[step.command], step.command in barriers
        writers = {dep: accesses.read(step, dep) for dep in command.deps}
        conflicts = [other for output in command.all_outputs for other in accesses.write(step, output)]
        before = since if is_barrier else barrier
        sources[step] = tuple(dep for dep, names in writers.items() if not names)
        producers[step] = _others(step, (other for names in writers.values() for other in names))
        needs[step] = _others(step, (*producers[step], *before))
        waits_for[step] = _others(step, (*needs[step], *conflicts))
        if is_barrier:
            barrier, since = [step], []
        since.append(step)
    return Edges(waits_for, producers, needs, sources)


def edges_one_by_one(project: ProjectModel, steps: Sequence[Step]) -> Edges:
    """Return the edges between steps each of which waits for the one before it."""
    edges = edges_of(project, steps, ())
    return edges._replace(waits_for={step: tuple(steps[max(at - 1, 0) : at]) for at, step in enumerate(steps)})


def _others(step: Step, steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(dict.fromkeys(other for other in steps if other != step))


class _Accesses:
    """Which steps have written and read which path, so far in the sequence."""

    def __init__(self) -> None:
        self._writers: dict[str, list[Step]] = {}
        self._readers: dict[str, list[Step]] = {}
        self._paths = PathIndex()  # of both

    def read(self, step: Step, dep: str) -> list[Step]:
        """Note that `step` reads `dep`. Return the steps that wrote what it reads."""
        base = dep_base(dep)
        writers = [
            writer
            for path in self._paths.overlapping(base)
            if path in self._writers and (base == dep or may_match(dep, path))
            for writer in self._writers[path]
        ]
        self._readers.setdefault(base, []).append(step)
        self._paths.add(base)
        return writers

    def write(self, step: Step, output: str) -> list[Step]:
        """Note that `step` writes `output`. Return the steps that read or wrote what overlaps it.

        Accesses at or below `output` are forgotten: a step that overlaps them also overlaps `output`, and waits for
        `step`.
        """
        before: list[Step] = []
        for path in self._paths.overlapping(output):
            before += self._writers.get(path, []) + self._readers.get(path, [])
            if inside(path, output):
                self._writers.pop(path, None)
                self._readers.pop(path, None)
                self._paths.discard(path)
        self._writers[output] = [step]
        self._paths.add(output)
        return before

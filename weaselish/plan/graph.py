"""Project + targets → Plan: which steps, in which order, and what each one waits for.

First the sequence: one total order in which the steps could run one at a time. Then the edges: what of that order must
be kept when several run at a time. All edges point forward in the sequence, so results under -j8 are those of -j1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from weaselish.errors import ProjError, UnknownName
from weaselish.model.paths import PathIndex, ancestors, dep_base, inside, is_glob, may_match
from weaselish.model.project import Command, ProjectModel

if TYPE_CHECKING:
    import networkx as nx

SOURCE = ""  # the maker chosen for a dep that is taken as it lies there


class Cycle(ProjError):
    exit_code = 2

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(
            f"the commands need each other: {' → '.join(path)}",
            hint="each needs what the next one makes; remove a dep, or run one of them with `--only`",
        )
        self.path = tuple(path)


class Choice(NamedTuple):
    """What several commands make, none of them before its consumer in the plan. Whoever runs the plan chooses."""

    consumer: str
    dep: str  # or the part of a dep that they make
    producers: tuple[str, ...]


class Plan(NamedTuple):
    """Steps in the order in which one at a time would run, and for each the earlier ones that it waits for.

    It waits for the makers of its deps, for the users of what it is about to replace, and for barriers.
    """

    project: ProjectModel
    targets: tuple[str, ...]
    steps: tuple[str, ...]
    waits_for: Mapping[str, tuple[str, ...]]  # step -> earlier steps
    producers: Mapping[str, tuple[str, ...]]  # step -> those of them that make a dep of it
    needs: Mapping[str, tuple[str, ...]]  # step -> those of them without whose success it must not run
    sources: Mapping[str, tuple[str, ...]]  # step -> deps that no step before it makes, in whole or in part
    choices: tuple[Choice, ...] = ()

    def command(self, step: str) -> Command:
        return self.project.commands[step]


def make_plan(
    project: ProjectModel,
    targets: Sequence[str],
    *,
    only: bool = False,
    chosen: Mapping[Choice, str] | None = None,
) -> Plan:
    """The plan that brings `targets` (commands or workflows) up to date, with all that makes their deps.

    `only`: exactly the named commands, or the workflow's own in the listed order, one after the other. `chosen` answers
    the `choices` of an earlier plan by a maker, or by SOURCE. Raises UnknownName and Cycle. O(V + E).
    """
    listed = listed_steps(project, targets)
    if only:
        return _only(project, tuple(targets), listed)
    sequence = _Sequence(project, listed, chosen or {})
    barriers = {name for target in targets if target in project.workflows for name in project.steps_of(target)}
    barriers = {name for name in barriers if not project.commands[name].all_outputs}
    edges = _edges(project, sequence.steps, barriers)
    return Plan(project, tuple(targets), tuple(sequence.steps), *edges, tuple(sequence.choices))


def listed_steps(project: ProjectModel, targets: Iterable[str]) -> tuple[str, ...]:
    """The commands that `targets` name, workflows opened, each once. Raises UnknownName."""
    steps: list[str] = []
    for target in targets:
        if target in project.workflows:
            steps.extend(project.steps_of(target))
        elif target in project.commands:
            steps.append(target)
        else:
            raise UnknownName("command or workflow", target, [*project.workflows, *project.commands])
    return tuple(dict.fromkeys(steps))


def _only(project: ProjectModel, targets: tuple[str, ...], listed: tuple[str, ...]) -> Plan:
    _, makers, needs, sources = _edges(project, listed, set())
    one_by_one = {step: listed[max(index - 1, 0) : index] for index, step in enumerate(listed)}
    return Plan(project, targets, listed, one_by_one, makers, needs, sources)


class Producers:
    """Which commands of a project make what overlaps a path."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = commands
        self._at: dict[str, list[str]] = {}  # output -> commands, in the order of the file
        for command in commands.values():
            for output in command.all_outputs:
                self._at.setdefault(output, []).append(command.name)
        self._outputs = PathIndex(self._at)

    def outputs_overlapping(self, dep: str) -> list[str]:
        """The outputs that equal a dep, lie in it or around it; for a glob those that may hold a match."""
        found = self._outputs.overlapping(dep_base(dep))
        return [output for output in found if not is_glob(dep) or may_match(dep, output)]

    def groups_for(self, command: Command, dep: str) -> list[tuple[str, list[str]]]:
        """The makers of a dep, alternatives together: (path, makers) for each part of it that is made on its own.

        Without the parts that only the command itself makes: a dep that is its own output makes no edge.
        """
        groups: dict[str, list[str]] = {}  # the outermost output of each -> its commands
        for output in sorted(self.outputs_overlapping(dep), key=len):
            outermost = next((path for path in ancestors(output) if path in groups), output)
            makers = groups.setdefault(outermost, [])
            makers.extend(name for name in self._at[output] if name not in makers)
        return [(path, makers) for path, makers in groups.items() if makers != [command.name]]


class _Sequence:
    """Puts each step after the makers of its deps: the listed order, but for makers that must come earlier."""

    def __init__(self, project: ProjectModel, listed: tuple[str, ...], chosen: Mapping[Choice, str]) -> None:
        self._project = project
        self._makers = Producers(project.commands)
        self._rank = {name: rank for rank, name in enumerate(listed)}
        self._chosen = chosen
        self._placed: set[str] = set()
        self.steps: list[str] = []
        self.choices: list[Choice] = []
        for name in listed:
            self._place(name)

    def _place(self, name: str) -> None:
        """Append `name`, its makers before it. Without recursion: chains may be thousands of steps long."""
        open_steps: dict[str, Iterator[str]] = {}
        self._enter(name, open_steps)
        while open_steps:
            step, needed = next(reversed(open_steps.items()))
            maker = next(needed, None)
            if maker is None:
                del open_steps[step]
                self._placed.add(step)
                self.steps.append(step)
            elif maker in open_steps:
                path = list(open_steps)
                raise Cycle([*path[path.index(maker) :], maker])
            else:
                self._enter(maker, open_steps)

    def _enter(self, name: str, open_steps: dict[str, Iterator[str]]) -> None:
        if name not in self._placed:
            open_steps[name] = self._needed(self._project.commands[name])

    def _needed(self, command: Command) -> Iterator[str]:
        """The commands that must stand before `command`, of those not yet placed."""
        for dep in command.deps:
            for path, group in self._makers.groups_for(command, dep):
                maker = self._maker(command, path, group)
                if maker and maker not in self._placed:
                    yield maker

    def _maker(self, command: Command, path: str, group: Sequence[str]) -> str:
        """Of several makers of one thing, the one that must come before `command`; SOURCE if none must."""
        if len(group) == 1:
            return group[0]
        others = [name for name in group if name != command.name]
        rank = self._rank.get(command.name, -1)
        before = [name for name in others if self._rank.get(name, rank) < rank]
        if before:
            return max(before, key=self._rank.__getitem__)
        if any(name in self._placed for name in others):
            return SOURCE
        choice = Choice(command.name, path, tuple(others))
        if choice not in self._chosen and choice not in self.choices:
            self.choices.append(choice)
        return self._chosen.get(choice, SOURCE)


class _Touched:
    """Who wrote and read which path, so far in the sequence."""

    def __init__(self) -> None:
        self._writers: dict[str, list[str]] = {}
        self._readers: dict[str, list[str]] = {}
        self._paths = PathIndex()  # of both

    def read(self, step: str, dep: str) -> list[str]:
        """Note that `step` reads `dep`; the steps that wrote what it reads."""
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

    def write(self, step: str, output: str) -> list[str]:
        """Note that `step` writes `output`; the steps that read or wrote what overlaps it.

        What lies at or below it is forgotten: whoever overlaps that, overlaps `output` too, and waits for `step`.
        """
        before = []
        for path in self._paths.overlapping(output):
            before += self._writers.get(path, []) + self._readers.get(path, [])
            if inside(path, output):
                self._writers.pop(path, None)
                self._readers.pop(path, None)
                self._paths.discard(path)
        self._writers[output] = [step]
        self._paths.add(output)
        return before


Edges = Mapping[str, tuple[str, ...]]


def _edges(project: ProjectModel, steps: Sequence[str], barriers: set[str]) -> tuple[Edges, Edges, Edges, Edges]:
    """(waits_for, makers, needs, sources) of a Plan, in one walk along the sequence."""
    touched = _Touched()
    waits_for: dict[str, tuple[str, ...]] = {}
    makers: dict[str, tuple[str, ...]] = {}
    needs: dict[str, tuple[str, ...]] = {}
    sources: dict[str, tuple[str, ...]] = {}
    barrier: list[str] = []  # the last one, if any
    since: list[str] = []  # the steps from it on
    for step in steps:
        command = project.commands[step]
        writers = {dep: touched.read(step, dep) for dep in command.deps}
        made_by = _others(step, (name for names in writers.values() for name in names))
        sources[step] = tuple(dep for dep, names in writers.items() if not names)
        order = [name for output in command.all_outputs for name in touched.write(step, output)]
        needed = since if step in barriers else barrier
        makers[step] = made_by
        needs[step] = _others(step, (*made_by, *needed))
        waits_for[step] = _others(step, (*made_by, *needed, *order))
        if step in barriers:
            barrier, since = [step], []
        since.append(step)
    return waits_for, makers, needs, sources


def _others(step: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name != step))


def alternatives(project: ProjectModel) -> list[tuple[str, tuple[str, ...]]]:
    """(path, commands) for each path that several commands make: in one plan they are never all up to date."""
    at: dict[str, list[str]] = {}
    for command in project.commands.values():
        for output in command.all_outputs:
            at.setdefault(output, []).append(command.name)
    return [(output, tuple(names)) for output, names in at.items() if len(names) > 1]


def find_cycle(project: ProjectModel) -> Cycle | None:
    """A cycle among commands that are the only makers of what the next one needs, wherever it is in the project."""
    import networkx as nx

    makers = Producers(project.commands)
    graph: nx.DiGraph[str] = nx.DiGraph()
    for command in project.commands.values():
        for dep in command.deps:
            for _, group in makers.groups_for(command, dep):
                if len(group) == 1:
                    graph.add_edge(command.name, group[0])
    try:
        found = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return None
    return Cycle([found[0][0], *(edge[1] for edge in found)])

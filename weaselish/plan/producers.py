"""Which commands produce a path: the index that graph, locks and messages share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weaselish.model.paths import PathIndex, ancestors, dep_base, is_glob, may_match, overlap
from weaselish.model.project import Command, ProjectModel
from weaselish.named_tuple import NamedTuple


class ProducerGroup(NamedTuple):
    """The alternatives for one part of a dep."""

    path: str  # the dep, or the output inside it that this group produces
    producers: tuple[str, ...]  # in the order of the file


def reads(dep: str, output: str) -> bool:
    """Return whether a dep may read an output, something in it, or a directory around it."""
    base = dep_base(dep)
    return overlap(base, output) and (base == dep or may_match(dep, output))


class Producers:
    """The commands of a project, by the paths that they produce."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._at = _writers(commands.values())
        self._outputs = PathIndex(self._at)

    def outputs_overlapping(self, dep: str) -> list[str]:
        """Return the outputs that equal a dep, lie in it or around it; for a glob those that may hold a match."""
        overlapping = self._outputs.overlapping(dep_base(dep))
        return [output for output in overlapping if not is_glob(dep) or may_match(dep, output)]

    def of(self, dep: str) -> tuple[str, ...]:
        """Return the commands with an output that overlaps `dep`."""
        return tuple(dict.fromkeys(name for output in self.outputs_overlapping(dep) for name in self._at[output]))

    def groups_for(self, command: Command, dep: str) -> list[ProducerGroup]:
        """Return the producers of a dep, one group per part of it that is produced separately.

        Parts that only the command itself produces are left out: a dep that is its own output makes no edge.
        """
        groups: dict[str, list[str]] = {}  # outermost output -> its commands
        for output in sorted(self.outputs_overlapping(dep), key=len):
            outermost = next((path for path in ancestors(output) if path in groups), output)
            producers = groups.setdefault(outermost, [])
            producers.extend(name for name in self._at[output] if name not in producers)
        return [ProducerGroup(path, tuple(names)) for path, names in groups.items() if names != [command.name]]


def alternatives(project: ProjectModel) -> list[ProducerGroup]:
    """Return each path that several commands produce: they can never all be up to date."""
    at = _writers(project.commands.values())
    return [ProducerGroup(output, tuple(names)) for output, names in at.items() if len(names) > 1]


def nested_outputs(commands: Iterable[Command]) -> Iterator[tuple[ProducerGroup, ProducerGroup]]:
    """Yield each output inside another one, and that one: a run that writes one changes the other."""
    at = _writers(commands)
    for output, names in at.items():
        for outer in ancestors(output):
            if outer in at:
                yield ProducerGroup(output, tuple(names)), ProducerGroup(outer, tuple(at[outer]))


def _writers(commands: Iterable[Command]) -> dict[str, list[str]]:
    """Return the commands that write each output, in the order of the file."""
    at: dict[str, list[str]] = {}
    for command in commands:
        for output in command.all_outputs:
            at.setdefault(output, []).append(command.name)
    return at

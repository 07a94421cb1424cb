"""The order of a plan's steps, one at a time: the listed order, with producers before their consumers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Self

from weaselish.errors import ProjError
from weaselish.model.project import Command, ProjectModel
from weaselish.named_tuple import NamedTuple
from weaselish.plan.producers import Producers

SOURCE = ""  # the answer to a choice: no command produces the dep, it is used as it is


class Step(str):
    """One occurrence of a command in a plan. Its text is `train`, and `train (2)` where a workflow lists it again."""

    __slots__ = ("command",)
    command: str

    def __new__(cls, command: str, text: str | None = None) -> Self:
        step = super().__new__(cls, command if text is None else text)
        step.command = command
        return step


class Cycle(ProjError):
    """Commands depend on each other in a circle, so none can be first.

    Cure: remove a dep or an output that is not really read or written.
    """

    exit_code = 2

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(
            f"the commands need each other: {' → '.join(path)}",
            hint="each needs what the next one produces; remove a dep, or run one of them with `--only`",
        )
        self.path = tuple(path)


class Choice(NamedTuple):
    """A dep with several producers, none of which precedes its consumer in the plan. The caller chooses one."""

    consumer: str
    dep: str  # or the part of a dep that they produce
    producers: tuple[str, ...]


class Move(NamedTuple):
    """A producer that a workflow lists after its consumer, and that the plan runs before it."""

    producer: str
    consumer: str
    path: str


class StepNames:
    """Gives each occurrence of a command a step with a text that no other step or command has."""

    def __init__(self, commands: Collection[str]) -> None:
        self._commands = commands
        self._count = Counter[str]()

    def next_of(self, command: str) -> Step:
        self._count[command] += 1
        if self._count[command] == 1:
            return Step(command)
        while (text := f"{command} ({self._count[command]})") in self._commands:
            self._count[command] += 1
        return Step(command, text)


class StepSequence:
    """Puts each step after the producers of its deps. Otherwise it keeps the listed order.

    `chosen` answers choices. Commands in `unrecorded` bring no producers: they will probably not run.
    """

    def __init__(
        self,
        project: ProjectModel,
        listed: Sequence[str],
        chosen: Mapping[Choice, str],
        unrecorded: Collection[str],
    ) -> None:
        self._commands = project.commands
        self._producers = Producers(project.commands)
        self._names = StepNames(project.commands)
        self._chosen = chosen
        self._unrecorded = unrecorded
        self._positions: dict[str, list[int]] = {}
        for position, name in enumerate(listed):
            self._positions.setdefault(name, []).append(position)
        self._placed: set[str] = set()
        self._early: set[str] = set()  # placed before a consumer, ahead of their listed position
        self.steps: list[Step] = []
        self.choices: list[Choice] = []
        self.moves: list[Move] = []
        self._turn = 0  # the position that is being placed
        for self._turn, name in enumerate(listed):
            if name in self._early:
                self._early.discard(name)
            else:
                self._place(name)

    def _place(self, listed: str) -> None:
        """Append `listed`, and its producers before it. Without recursion: chains may be thousands of steps long."""
        unfinished = {listed: self._needed(listed, self._turn)}
        while unfinished:
            name, needed = next(reversed(unfinished.items()))
            producer = next(needed, None)
            if producer is None:
                del unfinished[name]
                self._append(name, is_early=name != listed)
            elif producer in unfinished:
                path = list(unfinished)
                raise Cycle([*path[path.index(producer) :], producer])
            else:
                unfinished[producer] = self._needed(producer, self._first_position(producer))

    def _append(self, name: str, *, is_early: bool) -> None:
        self._placed.add(name)
        self.steps.append(self._names.next_of(name))
        if is_early:
            self._early.add(name)

    def _first_position(self, name: str) -> int:
        return self._positions.get(name, [-1])[0]

    def _needed(self, name: str, position: int) -> Iterator[str]:
        """Yield the producers that must precede `name` at `position`, if they are not placed yet."""
        if name in self._unrecorded:
            return
        command = self._commands[name]
        for dep in command.deps:
            for path, group in self._producers.groups_for(command, dep):
                producer = self._producer(command, path, group, position)
                if producer and producer not in self._placed:
                    if self._first_position(producer) > self._turn:
                        self.moves.append(Move(producer, name, path))
                    yield producer

    def _producer(self, command: Command, path: str, group: Sequence[str], position: int) -> str:
        """Return the one of several producers that must come before `command`, SOURCE if none must."""
        if len(group) == 1:
            return group[0]
        others = [name for name in group if name != command.name]
        before = [(at, name) for name in others for at in self._positions.get(name, ()) if at < position]
        if before:
            return max(before)[1]
        if any(name in self._placed for name in others):
            return SOURCE
        choice = Choice(command.name, path, tuple(others))
        if choice not in self._chosen and choice not in self.choices:
            self.choices.append(choice)
        return self._chosen.get(choice, SOURCE)

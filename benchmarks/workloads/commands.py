"""Start-up, and projects of many small commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from benchmarks.measure import Call, Figures
from benchmarks.tools.base import Command, Project, Tool
from benchmarks.trash import discard
from benchmarks.workloads.base import SCRIPT, Action, Room, Shown, Workload, check_ran, idle, write_script

Shape = Literal["chain", "fan"]
_SOURCE = "source.txt"


class StartUp(Workload):
    name = "start-up"
    group = "idle"
    rows: Mapping[str, Shown] = {"`--version`": "cpu", "`--help`": "cpu"}

    def takes(self, tool: Tool) -> bool:
        return not tool.only_deps

    def set_up(self, tool: Tool, room: Room) -> None:
        pass

    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        return {row: partial(self._start, tool, room, row.strip("`")) for row in self.rows}

    def _start(self, tool: Tool, room: Room, option: str) -> Figures:
        return room.measure(tool.least("start-up", option) if tool.is_limit else tool.start_up(option))


class UpToDate(Workload):
    """Nothing to do: a chain of commands, or a fan: one that makes what all others read, and one that reads theirs."""

    group = "idle"

    def __init__(self, shape: Shape, commands: int) -> None:
        self.name = f"{shape}-{commands}"
        self._title = f"nothing to do, a {shape} of {commands:,} commands"
        self.rows = {self._title: "cpu"}
        self._project = Project(chain(commands) if shape == "chain" else fan(commands))

    def set_up(self, tool: Tool, room: Room) -> None:
        tool.check_size(commands=len(self._project.commands))
        _write(self._project, tool, room)
        room.run(tool.run(1))
        check_ran(room, len(self._project.commands))
        room.settle(tool.run(1))
        check_ran(room, len(self._project.commands))

    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        return {self._title: lambda: idle(room, tool.run(1))}


@dataclass(frozen=True, slots=True)
class _Steps:
    commands: int
    jobs: int
    seconds: float  # that each of them sleeps


class FromScratch(Workload):
    """Independent commands, none of which has run."""

    group = "steps"

    def __init__(self, commands: int, *, jobs: int = 1, seconds: float = 0) -> None:
        self.name = f"sleep-{commands}" if seconds else f"steps-{commands}"
        what = f"{commands} × `sleep {seconds}`, {jobs} jobs" if seconds else f"{commands} trivial steps, one at a time"
        self._title = what
        self.rows = {self._title: "wall"}
        self._steps = _Steps(commands, jobs, seconds)

    def takes(self, tool: Tool) -> bool:
        return not tool.only_deps and not (tool.is_limit and self._steps.jobs > 1)

    def set_up(self, tool: Tool, room: Room) -> None:
        tool.check_size(commands=self._steps.commands)
        self._call(tool)  # or CannotDo

    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        return {self._title: lambda: self._run(tool, room)}

    def _run(self, tool: Tool, room: Room) -> Figures:
        discard(room.directory, room.scratch)
        room.directory.mkdir()
        sleep = [f"sleep {self._steps.seconds}"] if self._steps.seconds else []
        _write(Project(independent(self._steps.commands)), tool, room, *sleep)
        room.quieten()
        figures = room.measure(self._call(tool))
        check_ran(room, self._steps.commands)
        return figures

    def _call(self, tool: Tool) -> Call:
        return tool.least("steps", str(self._steps.commands)) if tool.is_limit else tool.run(self._steps.jobs)


def _write(project: Project, tool: Tool, room: Room, *lines: str) -> None:
    (room.directory / _SOURCE).write_text("source\n")
    write_script(room.directory, *lines, 'echo "$1" > "$2"')
    if not tool.is_limit:
        tool.write(project, room.directory)


def chain(commands: int) -> tuple[Command, ...]:
    """Each reads what the one before it makes."""
    return tuple(_command(number, f"out-{number - 1}" if number else _SOURCE) for number in range(commands))


def fan(commands: int) -> tuple[Command, ...]:
    """The first makes what all between read, the last reads what all between make."""
    between = [_command(number, "out-0") for number in range(1, commands - 1)]
    last = _command(commands - 1, *(command.outputs[0] for command in between))
    return (_command(0, _SOURCE), *between, last)


def independent(commands: int) -> tuple[Command, ...]:
    return tuple(_command(number, _SOURCE) for number in range(commands))


def _command(number: int, *deps: str) -> Command:
    name, output = f"step_{number}", f"out-{number}"
    return Command(name, ("sh", SCRIPT, name, output), deps, (output,))

"""What a workload is: work that each tool is given, and the rows of a table that come of it."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.measure import Call, Figures, Wrong, measure
from benchmarks.memory import Filler
from benchmarks.server import Server
from benchmarks.tools.base import Tool

Shown = Literal["cpu", "wall"]  # which figure the table shows
Action = Callable[[], Figures]  # measures one row once. Raises Wrong, CannotDo and TooLong

SETTLING = 2.5  # seconds after which no file counts as just written, for tools that mind
_SET_UP = 4  # times the limit of a measurement


@dataclass(frozen=True, slots=True)
class Room:
    """Where one tool does one workload. `limit`: seconds after which a measurement is cut off."""

    scratch: Path
    directory: Path
    limit: float
    server: Server
    filler: Filler

    def measure(self, call: Call) -> Figures:
        return measure(call, self.directory, limit=self.limit)

    def run(self, call: Call) -> None:
        """Something that comes before what is measured."""
        measure(call, self.directory, limit=_SET_UP * self.limit)

    def quieten(self) -> None:
        """Nothing is still on its way to the disk, and no memory is dearer than other."""
        os.sync()
        self.filler.fill()

    def settle(self, call: Call) -> None:
        """What was just written grows old, and `call` looks at it once."""
        time.sleep(SETTLING)
        self.run(call)


class Workload(ABC):
    name: str
    group: str  # the table that its rows go into
    rows: Mapping[str, Shown]  # by title
    shows_memory: bool = False

    def takes(self, tool: Tool) -> bool:
        """Whether this is work for that kind of tool at all."""
        return not tool.only_deps and not tool.is_limit

    @abstractmethod
    def set_up(self, tool: Tool, room: Room) -> None:
        """Make all that the measurements need, once. Raises what an action raises."""

    @abstractmethod
    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        """How to measure each row, in this order, as often as wanted. Each checks that what it measured happened."""


COUNT = "count"  # a file with a line for each command that ran
SCRIPT = "step.sh"


def write_script(directory: Path, *lines: str) -> None:
    """A script of which the first argument is the name of the command; each of its runs is counted."""
    (directory / SCRIPT).write_text("\n".join([f'echo "$1" >> {COUNT}', *lines, ""]))


def count(directory: Path) -> int:
    """How many commands have run."""
    try:
        return (directory / COUNT).read_text().count("\n")
    except FileNotFoundError:
        return 0


def idle(room: Room, call: Call) -> Figures:
    """Measure a call that must run no command."""
    before = count(room.directory)
    figures = room.measure(call)
    ran = count(room.directory) - before
    if ran:
        raise Wrong(f"{ran} commands ran")
    return figures


def check_ran(room: Room, wanted: int) -> None:
    """Raises Wrong unless so many commands have run in all."""
    ran = count(room.directory)
    if ran != wanted:
        raise Wrong(f"{ran} commands ran, not {wanted}")

"""One command that reads a directory of many files, or of one large one."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks.data import Files
from benchmarks.measure import CannotDo, Figures
from benchmarks.tools.base import Command, Kind, Project, Tool
from benchmarks.workloads.base import SCRIPT, SETTLING, Action, Room, Shown, Workload, check_ran, idle, write_script

_DATA = "data"
_CPU: Shown = "cpu"


class Dep(Workload):
    """The files have other names in each tool's project, but are the same, so that touching them is for all."""

    group = "deps"
    shows_memory = True

    def __init__(self, name: str, files: Files, what: str, *, touched: bool) -> None:
        self.name = name
        self._files = files
        self._idle = f"nothing to do, a dep of {what}"
        self._touched = f"the same, touched: {what}"
        self._touched_at = 0.0
        self.rows = dict.fromkeys([self._idle, self._touched] if touched else [self._idle], _CPU)

    def takes(self, tool: Tool) -> bool:
        return True

    def set_up(self, tool: Tool, room: Room) -> None:
        if tool.is_limit:
            self._files.made(room.scratch)
            return
        tool.check_size(files=self._files.count)
        call = tool.run(1)  # or CannotDo, before anything is linked
        self._files.link(room.scratch, room.directory / _DATA)
        self._touched_at = time.monotonic()  # to link is to change
        write_script(room.directory, 'echo "$1" > "$2"')
        dep = _DATA if self._files.count > 1 else f"{_DATA}/{next(self._files.paths)}"
        tool.write(Project((Command("step", ("sh", SCRIPT, "step", "out"), (dep,), ("out",)),)), room.directory)
        room.run(call)
        check_ran(room, 1)

    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        actions = {self._idle: lambda: self._measure_idle(tool, room)}
        if self._touched in self.rows:
            actions[self._touched] = lambda: self._measure_touched(tool, room)
        return actions

    def _measure_idle(self, tool: Tool, room: Room) -> Figures:
        if tool.is_limit:
            return self._limit("walk", tool, room)
        time.sleep(max(0.0, self._touched_at + SETTLING - time.monotonic()))
        room.run(tool.run(1))
        return idle(room, tool.run(1))

    def _measure_touched(self, tool: Tool, room: Room) -> Figures:
        if tool.is_limit:
            return self._limit("hash", tool, room)
        if not tool.reads_content:
            raise CannotDo(f"{tool.name}: runs the command again when a file was only touched")
        try:
            with self._files.touched(room.scratch):
                return idle(room, tool.run(1))
        finally:
            self._touched_at = time.monotonic()

    def _limit(self, kind: Kind, tool: Tool, room: Room) -> Figures:
        return room.measure(tool.least(kind, str(self._files.made(room.scratch))))

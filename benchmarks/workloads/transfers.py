"""Push and pull, and both again with nothing new."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.data import Files
from benchmarks.measure import Call, CannotDo, Figures, Wrong
from benchmarks.tools.base import Command, Copier, Project, Remote, Tool
from benchmarks.trash import discard
from benchmarks.workloads.base import SCRIPT, SETTLING, Action, Room, Shown, Workload, check_ran, idle, write_script

_OUT = "out"
_WALL: Shown = "wall"


class Transfer(Workload):
    """The files are the outputs of one command, each by itself or (`whole`) as one directory."""

    group = "transfers"
    shows_memory = True

    def __init__(self, name: str, files: Files, what: str, *, to_s3: bool, whole: bool = False) -> None:
        self.name = name
        self._files = files
        self._to_s3 = to_s3
        self._outputs = (_OUT,) if whole else tuple(f"{_OUT}/{path}" for path in files.paths)
        place = "S3" if to_s3 else "a directory"
        self._status = f"{what}: status"
        self._push = f"{what}, to {place}"
        self._pull = f"{what}, back from {place}"
        self._push_again = f"{what}, to {place} again, nothing new"
        self._pull_again = f"{what}, back from {place} again, nothing new"
        titles = (self._push, self._pull, self._push_again, self._pull_again)
        self.rows = dict.fromkeys(titles if to_s3 else (self._status, *titles), _WALL)

    def takes(self, tool: Tool) -> bool:
        return not tool.only_deps

    def set_up(self, tool: Tool, room: Room) -> None:
        if tool.is_limit:
            tool.least("transfer", "")
            return
        source = self._files.made(room.scratch)
        if isinstance(tool, Copier):
            shutil.copytree(source, room.directory / _OUT)
            return
        tool.push(self._remote(room))  # or CannotDo
        write_script(room.directory, f'mkdir -p {_OUT}; cp -r "$2/." {_OUT}')
        script = ("sh", SCRIPT, "step", str(source))
        project = Project((Command("step", script, (SCRIPT,), self._outputs),), self._remote(room))
        tool.write(project, room.directory)
        room.run(tool.run(1))
        check_ran(room, 1)

    def actions(self, tool: Tool, room: Room) -> Mapping[str, Action]:
        actions = {
            self._status: lambda: self._measure_status(tool, room),
            self._push: lambda: self._measure_push(tool, room),
            self._push_again: lambda: self._measure_push_again(tool, room),
            self._pull: lambda: self._measure_pull(tool, room),
            self._pull_again: lambda: self._measure_pull_again(tool, room),
        }
        return {title: action for title, action in actions.items() if title in self.rows}

    def _remote(self, room: Room) -> Remote:
        if self._to_s3:
            return room.server.remote
        place = room.directory.with_name(f"{room.directory.name}-remote")
        return Remote(str(place), place)

    def _measure_status(self, tool: Tool, room: Room) -> Figures:
        if tool.is_limit:
            raise CannotDo(f"{tool.name} is no limit of this")
        call = tool.status()
        room.settle(tool.run(1))
        return idle(room, call)

    def _measure_push(self, tool: Tool, room: Room) -> Figures:
        """To an empty remote."""
        remote = self._remote(room)
        call = self._no_limit(tool, tool.push(remote))
        if self._to_s3:
            room.server.start()
        else:
            discard(remote.place, room.scratch)
            remote.place.mkdir()
        if not isinstance(tool, Copier):
            room.settle(tool.run(1))
        room.quieten()
        figures = idle(room, call)
        stored = sum(_contents(remote.place).values())
        if stored < self._files.bytes:
            raise Wrong(f"{stored} bytes were stored, not {self._files.bytes}")
        return figures

    def _measure_push_again(self, tool: Tool, room: Room) -> Figures:
        if tool.is_limit:
            return room.measure(tool.least("transfer", ""))
        remote = self._remote(room)
        call = tool.push_again(remote)
        before = _contents(remote.place)
        figures = idle(room, call)
        if _contents(remote.place) != before:
            raise Wrong("something was stored")
        return figures

    def _measure_pull(self, tool: Tool, room: Room) -> Figures:
        """As in a fresh clone: no outputs, and nothing kept of them."""
        remote = self._remote(room)
        call = self._no_limit(tool, tool.pull(remote))
        for path in (_OUT, *tool.keeps_in):
            discard(room.directory / path, room.scratch)
        room.quieten()
        figures = idle(room, call)
        self._files.check_copy(room.scratch, room.directory / _OUT)
        return figures

    def _measure_pull_again(self, tool: Tool, room: Room) -> Figures:
        if tool.is_limit:
            return room.measure(tool.least("transfer", ""))
        call = tool.pull_again(self._remote(room))
        time.sleep(SETTLING)
        figures = idle(room, call)
        self._files.check_copy(room.scratch, room.directory / _OUT)
        return figures

    def _no_limit(self, tool: Tool, call: Call) -> Call:
        if tool.is_limit:
            raise CannotDo(f"{tool.name} is no limit of this")
        return call


def _contents(place: Path) -> dict[str, int]:
    """The sizes of what a remote holds."""
    files = (os.path.join(directory, name) for directory, _, names in os.walk(place) for name in names)
    return {path: os.path.getsize(path) for path in files}

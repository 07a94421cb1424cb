"""Workloads × tools, interleaved: each round measures every tool once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.environments import NotInstalled
from benchmarks.measure import CannotDo, Figures, TooLong, Wrong, medians
from benchmarks.memory import Filler
from benchmarks.server import Server
from benchmarks.tools.base import Tool
from benchmarks.trash import discard, empty
from benchmarks.workloads.base import Action, Room, Workload

Cell = Figures | CannotDo | TooLong | Wrong  # the medians of what was measured, or why there are none


@dataclass(slots=True)
class Results:
    """`cells`: by row title and tool name."""

    runs: int
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # tools that are not installed, and why


def run(workloads: Sequence[Workload], tools: Sequence[Tool], runs: int, scratch: Path, limit: float) -> Results:
    results = Results(runs)
    there = [tool for tool in tools if _installed(tool, results)]
    server = Server(scratch / "server")
    room = Room(scratch, scratch / "work", limit, server, Filler(scratch))
    try:
        for workload in workloads:
            _Measuring(workload, room, results).measure([tool for tool in there if workload.takes(tool)])
    finally:
        server.stop()
        empty(scratch)
    return results


def _installed(tool: Tool, results: Results) -> bool:
    try:
        tool.version()
    except NotInstalled as error:
        results.missing[tool.name] = str(error)
        return False
    return True


class _Measuring:
    """One workload."""

    def __init__(self, workload: Workload, room: Room, results: Results) -> None:
        """`room`: where all workloads are done."""
        self._workload = workload
        self._room = replace(room, directory=room.directory / workload.name)
        self._results = results
        self._runs: dict[tuple[str, str], list[Figures]] = {}

    def measure(self, tools: Sequence[Tool]) -> None:
        place = self._room.directory
        discard(place, self._room.scratch)
        rooms = {tool: replace(self._room, directory=place / tool.name) for tool in tools}
        for tool, room in rooms.items():
            room.directory.mkdir(parents=True)
            self._try(tool, list(self._workload.rows), partial(self._set_up, tool, room))
        for _ in range(self._results.runs):
            for tool, room in rooms.items():
                for row, action in self._workload.actions(tool, room).items():
                    if (row, tool.name) not in self._results.cells:
                        self._try(tool, [row], partial(self._once, row, tool, action))
        for key, runs in self._runs.items():
            self._results.cells.setdefault(key, medians(runs))
        discard(place, self._room.scratch)

    def _set_up(self, tool: Tool, room: Room) -> None:
        try:
            self._workload.set_up(tool, room)
        except TooLong as error:
            raise CannotDo(f"{tool.name}: the first run was {error}") from None

    def _once(self, row: str, tool: Tool, action: Action) -> None:
        figures = action()
        self._runs.setdefault((row, tool.name), []).append(figures)
        _tell(row, tool, f"{figures.cpu:.3f} s, wall {figures.wall:.3f} s, {figures.memory:.0f} MiB")

    def _try(self, tool: Tool, rows: Sequence[str], action: Callable[[], None]) -> None:
        try:
            action()
        except (CannotDo, TooLong, Wrong) as problem:
            self._results.cells |= {(row, tool.name): problem for row in rows}
            if not isinstance(problem, CannotDo):
                _tell(rows[0], tool, str(problem))


def _tell(row: str, tool: Tool, text: str) -> None:
    print(f"{row} | {tool.name}: {text}", file=sys.stderr, flush=True)

"""Progress of transfers: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from weaselish.cli.console import say, warn
from weaselish.engine import events

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY = 15.0  # seconds between two lines where there is no terminal


class TransferReporter:
    """Shows events of push, pull and assets. Sizes that are announced are of content: what travels may be less."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar: tuple[Progress, TaskID] | None = None
        self._passed = 0
        self._total = 0
        self._begun = self._told = time.monotonic()

    def __enter__(self) -> TransferReporter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop()

    def __call__(self, event: events.Event, /) -> None:
        match event:
            case events.TransferStarted(verb, objects, size):
                self._start(verb, objects, size)
            case events.Transferred(_, size):
                self._advance(size)
            case events.Note(message, hint):
                warn(message, hint)
            case events.StepWaiting(step, holder):
                say(f"{step}: waiting for {holder}")
            case _:
                pass

    def _start(self, verb: str, objects: int, size: int) -> None:
        self._total += size
        if not self._is_terminal:
            return
        if self._bar is None:
            self._bar = _bar(verb)
            self._bar[0].start()
        self._bar[0].update(self._bar[1], total=self._total or None)

    def _advance(self, size: int) -> None:
        self._passed += size
        if self._bar is not None:
            self._bar[0].update(self._bar[1], completed=self._passed)
        elif time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            rate = self._passed / max(self._told - self._begun, 0.001)
            say(f"{shown_size(self._passed)} of {shown_size(self._total)} at most, {shown_size(rate)}/s")

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None


def _bar(verb: str) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5)
    return progress, progress.add_task(verb, total=None)


def shown_size(size: float) -> str:
    """`512 B`, `4.0 KiB`, `1.2 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"

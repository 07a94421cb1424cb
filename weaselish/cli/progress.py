"""Shows the progress of transfers: a bar on a terminal, a line every 15 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from weaselish.cli.activity import EVERY, ActivityReporter
from weaselish.cli.console import say
from weaselish.cli.region import can_redraw
from weaselish.cli.units import shown_size
from weaselish.engine import events

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class TransferReporter(ActivityReporter):
    """Shows events of push, pull and assets. Totals are bytes of content; compressed, fewer may travel."""

    def __init__(self) -> None:
        super().__init__()
        self._is_terminal = can_redraw(sys.stderr)
        self._bar: tuple[Progress, TaskID] | None = None
        self._moved = 0
        self._total = 0
        self._begun = self._shown_at = time.monotonic()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        super().__exit__()
        self.stop()

    def __call__(self, event: events.Event, /) -> None:
        match event:
            case events.Preparing(activity) if self._bar is not None:
                self._bar[0].update(self._bar[1], description=activity)
            case events.TransferStarted(action, _, size):
                self.line.clear()
                self._start(action, size)
            case events.Transferred(_, size):
                self._advance(size)
            case _:
                super().__call__(event)

    def _start(self, action: str, size: int) -> None:
        self._total += size
        if self._is_terminal:
            bar, task = self._open_bar(action)
            bar.update(task, description=action, total=self._total or None)

    def _open_bar(self, description: str) -> tuple[Progress, TaskID]:
        if self._bar is None:
            self._bar = _bar(description)
            self._bar[0].start()
        return self._bar

    def _advance(self, size: int) -> None:
        self._moved += size
        if self._bar is not None:
            self._bar[0].update(self._bar[1], completed=self._moved)
        elif time.monotonic() - self._shown_at >= EVERY:
            self._shown_at = time.monotonic()
            rate = self._moved / max(self._shown_at - self._begun, 0.001)
            say(f"{shown_size(self._moved)} of {shown_size(self._total)} at most, {shown_size(rate)}/s")

    def stop(self) -> None:
        """Remove the bar from the screen, until the next event that shows it."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None


def _bar(action: str) -> tuple[Progress, TaskID]:
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
    return progress, progress.add_task(action, total=None)

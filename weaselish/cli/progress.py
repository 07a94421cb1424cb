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
    from rich.console import Console
    from rich.progress import Progress, TaskID

_NARROW = 70  # columns; below, there is no room for everything
_FULL = 60  # columns of everything but the name, at most
_SHORT = 24  # columns of size and time left, at most


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
            from rich.console import Console

            self._bar = transfer_bar(description, Console(stderr=True))
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


def transfer_bar(action: str, console: Console) -> tuple[Progress, TaskID]:
    """Return a bar that fits one line of the console. In a narrow one, it has neither the bar itself nor the speed."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    is_narrow = console.width < _NARROW
    room = max(console.width - (_SHORT if is_narrow else _FULL), 1)
    name = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=room))
    size = DownloadColumn(binary_units=True)
    columns: tuple[ProgressColumn, ...] = (name, size, TimeRemainingColumn(compact=True))
    if not is_narrow:
        columns = (name, BarColumn(bar_width=20), size, TransferSpeedColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, transient=True, refresh_per_second=5)
    return progress, progress.add_task(action, total=None)

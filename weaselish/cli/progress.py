"""Shows the progress of transfers: a bar on a terminal, a line every 15 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from weaselish.cli.console import say, warn
from weaselish.cli.units import shown_size
from weaselish.engine import events

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SOON = 0.5  # seconds after which work without a transfer is shown
_EVERY = 15.0  # seconds between two lines where there is no terminal


class TransferReporter:
    """Shows events of push, pull and assets. Totals are bytes of content; compressed, fewer may travel."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar: tuple[Progress, TaskID] | None = None
        self._moved = 0
        self._total = 0
        self._begun = self._shown_at = time.monotonic()

    def __enter__(self) -> TransferReporter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def __call__(self, event: events.Event, /) -> None:
        match event:
            case events.Preparing(activity):
                self._prepare(activity)
            case events.TransferStarted(action, _, size):
                self._start(action, size)
            case events.Transferred(_, size):
                self._advance(size)
            case events.Note(message, advice):
                warn(message, advice)
            case events.StepWaiting(step, holder):
                say(f"waiting for {holder}", step=step)
            case _:
                pass

    def _prepare(self, activity: str) -> None:
        """Show what precedes the transfer, once that takes long."""
        now = time.monotonic()
        if self._is_terminal and now - self._begun >= _SOON:
            bar, task = self._open_bar(activity)
            bar.update(task, description=activity)
        elif not self._is_terminal and now - self._shown_at >= _EVERY:
            self._shown_at = now
            say(activity)

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
        elif time.monotonic() - self._shown_at >= _EVERY:
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

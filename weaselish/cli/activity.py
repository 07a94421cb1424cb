"""Shows what takes more than a quarter of a second: in place on a terminal, by a line every 15 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from weaselish.cli.console import is_quiet, say, warn
from weaselish.cli.region import Piece, Region, can_redraw
from weaselish.cli.units import counted_progress, shown_left, shown_progress
from weaselish.engine import events
from weaselish.engine.events import Unit

SOON = 0.25  # seconds without any output after which work is shown
EVERY = 15.0  # seconds between two lines where there is no terminal
_ENOUGH = 0.3  # seconds after which a rate is known


class Pace:
    """Describes the progress of one activity after another, and how long the current one will take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._activity = ""
        self._begun = (0.0, 0)  # when the current activity was first reported, and how much was done

    def text(self, event: events.Preparing) -> str:
        """Return a line: "hashing `data/big.bin`: 1.2 of 4.5 GiB, 9 s left"."""
        now = self._clock()
        if event.activity != self._activity:
            self._activity, self._begun = event.activity, (now, event.done or 0)
        if event.done is None:
            return event.activity
        if event.unit in (Unit.BYTES, None):
            progress = shown_progress(event.done, event.total)
        else:
            progress = counted_progress(event.done, event.total, event.unit.value)
        return f"{event.activity}: {progress}{self._left(now, event.done, event.total)}"

    def _left(self, now: float, done: int, total: int | None) -> str:
        begun, before = self._begun
        if total is None or now - begun < _ENOUGH or not before < done < total:
            return ""
        return f", {shown_left((total - done) * (now - begun) / (done - before))} left"


class ActivityLine:
    """One line about the current work. Call `clear` before anything else is printed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pace = Pace(clock)
        self._region = Region(sys.stderr) if can_redraw(sys.stderr) else None
        self._silent_since = self._shown_at = clock()

    def show(self, event: events.Preparing) -> None:
        """Show the progress of an activity if nothing was shown for a while."""
        now = self._clock()
        text = self._pace.text(event)
        if is_quiet():
            return
        if self._region is None:
            if now - self._shown_at >= EVERY:
                self._shown_at = now
                say(text)
        elif event.done is not None and event.done == event.total:
            self._region.clear()
        elif now - self._silent_since >= SOON:
            self._region.draw([[Piece(text, "dim")]])

    def clear(self) -> None:
        """Erase the line."""
        self._silent_since = self._clock()
        if self._region is not None:
            self._region.clear()


class ActivityReporter:
    """Shows the events of subcommands that only report: notes, locks that they wait for, and work that takes long."""

    def __init__(self) -> None:
        self.line = ActivityLine()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.line.clear()

    def __call__(self, event: events.Event, /) -> None:
        match event:
            case events.Preparing():
                self.line.show(event)
            case events.Note(message, advice):
                self.line.clear()
                warn(message, advice)
            case events.StepWaiting(step, holder):
                self.line.clear()
                say(f"waiting for {holder}", step=step)
            case _:
                pass

"""The live view of a run: rows at the bottom of the terminal, redrawn in place while lines scroll above them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from weaselish.cli.live_rows import LiveRows
from weaselish.cli.region import Region
from weaselish.engine import events
from weaselish.errors import ProjError

if TYPE_CHECKING:
    from weaselish.cli.stage import Estimates

_FRAME = 0.125  # seconds between two frames


class LiveView:
    """Draws rows until it is closed, except while `is_asking`. Other lines are printed by `show`.

    A thread draws the frames. It also reads the estimates, after the first frame.
    """

    def __init__(self, rows: LiveRows, estimates: Estimates, is_asking: Callable[[], bool]) -> None:
        self._rows = rows
        self._estimates = estimates
        self._region = Region(sys.stderr)
        self._lock = threading.Lock()  # of the rows and the terminal
        self._is_asking = is_asking
        self._is_over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="live view", daemon=True)
        with suppress(RuntimeError):  # the system allows no further threads: lines only
            self._ticker.start()

    @property
    def is_drawn(self) -> bool:
        return self._region.is_drawn

    def show(self, event: events.Event, print_event: Callable[[events.Event], None]) -> None:
        """Take in an event, and print it above the rows."""
        with self._lock:
            self._rows.update(event)
            if isinstance(event, events.Preparing | events.StepOutput) and not self._is_asking():
                return  # the next frame shows it
            was_drawn = self._region.is_drawn
            self._region.clear(draws_next=True)
            print_event(event)
            if was_drawn:
                self._draw()

    def erase(self) -> None:
        """Erase the rows until the next frame."""
        with self._lock:
            self._region.clear()

    def close(self) -> None:
        """End the thread and erase the rows."""
        self._is_over.set()
        if self._ticker.ident is not None:
            self._ticker.join()
        self.erase()

    def _tick(self) -> None:
        is_first = True
        while not self._is_over.wait(_FRAME):
            with self._lock:
                self._draw()
            if is_first:
                is_first = False
                self._read_estimates()

    def _read_estimates(self) -> None:
        with suppress(ProjError, OSError):  # the view does without
            up_to_date, usual = self._estimates.up_to_date(), self._estimates.usual_seconds()
            with self._lock:
                self._rows.up_to_date, self._rows.usual = up_to_date, usual

    def _draw(self) -> None:
        if not self._is_asking() and not self._is_over.is_set():
            self._region.draw(self._rows.lines(self._region.size))

"""Reports the progress of work other than transfers, above all of what the digests read, as events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.files.reading import Advance

_EVERY = 0.1  # seconds between two events about one path; what takes less is not reported


class ReadingEvents:
    """Reports how much of each path is hashed or listed. Thread-safe if `report` is."""

    def __init__(self, report: events.Reporter) -> None:
        self._report = report

    def hashing(self, path: str, size: int) -> Advance:
        return Activity(f"hashing `{path}`", size, Unit.BYTES, self._report)

    def listing(self, path: str) -> Advance:
        return Activity(f"listing `{path}`", None, Unit.FILES, self._report)


class Activity:
    """Reports the progress of something that takes long. Several threads may advance it.

    Nothing is reported of what takes less than `_EVERY`. `total` is None where it is not known.
    """

    def __init__(
        self,
        activity: str,
        total: int | None,
        unit: Unit,
        report: events.Reporter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._activity = activity
        self._total = total
        self._unit = unit
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._done = 0
        self._begun = self._reported_at = clock()

    def __call__(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = self._clock()
            has_ended = self._done == self._total and self._reported_at > self._begun
            if has_ended or now - self._reported_at >= _EVERY:
                self._reported_at = now
                self._report(events.Preparing(self._activity, self._done, self._total, self._unit))

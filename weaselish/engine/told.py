"""Events from many threads, told one at a time."""

from __future__ import annotations

import threading

from weaselish.engine import events


class SerialReporter:
    def __init__(self, report: events.Reporter) -> None:
        self._report = report
        self._lock = threading.Lock()

    def __call__(self, event: events.Event, /) -> None:
        with self._lock:
            self._report(event)

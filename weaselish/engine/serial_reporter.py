"""Passes the events of many threads on to a reporter, one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from weaselish.engine.events import Event, Reporter


class SerialReporter:
    """Serialise and time events: the wrapped reporter is called by one thread at a time."""

    def __init__(self, report: Reporter, *, clock: Callable[[], float] = time.time) -> None:
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, event: Event, /) -> None:
        with self._lock:
            self._report(event._replace(at=self._clock()))

"""Events from many threads, told one at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from weaselish.engine import events


@dataclass(slots=True)
class Told:
    report: events.Reporter
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: events.Event, /) -> None:
        with self.lock:
            self.report(event)

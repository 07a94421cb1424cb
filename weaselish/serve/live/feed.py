"""The last events of one project, for its streams. Everything here belongs to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from weaselish.named_tuple import NamedTuple

_KEPT = 256  # events; a stream that is further behind reads the index


class Numbered(NamedTuple):
    """An event and the version of the project that it leads to."""

    version: int
    data: bytes


class Feed:
    """Events between two versions of the project, and a tick whenever something may have changed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._events: deque[Numbered] = deque()
        self._from = self._to = -1  # the versions between which it has all events; -1 before the first one is known
        self._tick: asyncio.Future[None] = loop.create_future()

    def publish(self, version: int, events: Sequence[Numbered], *, follows: int) -> None:
        """Take in the events that lead from the version `follows` to `version`, and wake all streams."""
        if follows != self._to or follows < 0:
            self._events.clear()
            self._from = version if follows < 0 else follows
        self._events.extend(events)
        self._to = version
        while len(self._events) > _KEPT:
            self._from = self._events.popleft().version
        tick, self._tick = self._tick, self.loop.create_future()
        tick.set_result(None)

    def next_tick(self) -> asyncio.Future[None]:
        """Return what is done as soon as something may have changed. Take it before looking at what there is."""
        return self._tick

    def after(self, version: int) -> list[Numbered] | None:
        """Return the events that follow a version, None if some of them are no longer known."""
        if not self._from <= version <= self._to or version < 0:
            return None
        return [one for one in self._events if one.version > version]

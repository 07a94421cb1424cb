"""A limit of time for reading deps and outputs, for a caller that rather shows nothing than waits."""

from __future__ import annotations

import time

from weaselish.files.reading import Advance
from weaselish.files.walk import Unreadable

_RATE = 300e6  # bytes per second that can be hashed at most: larger files are refused at once


class TooLong(Unreadable):
    """Reading a path would take longer than the caller waits. `proj` without arguments then shows the state `?`."""


class TimeLimit:
    """The observer that ends the reading of each path after `seconds` in total. Raises TooLong."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def hashing(self, path: str, size: int) -> Advance:
        if size > _RATE * (self._until - time.monotonic()):
            raise _too_long(path)
        return self.listing(path)

    def listing(self, path: str) -> Advance:
        def advance(_count: int) -> None:
            if time.monotonic() > self._until:
                raise _too_long(path)

        return advance


def _too_long(path: str) -> TooLong:
    return TooLong(f"`{path}` was not read: that takes longer")

"""What the digests report while they read: how much of a path is hashed, how many files a walk has listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Advance = Callable[
    [int], None
]  # takes the bytes or files that were read since the last call; may raise to end the work


class Observer(Protocol):
    """Follows what the digests of a project read. Any thread may call it."""

    def hashing(self, path: str, size: int) -> Advance:
        """Note that `size` bytes of a path must be hashed. May raise to refuse it."""

    def listing(self, path: str) -> Advance:
        """Note that the directory `path`, or the directories that a glob names, will be walked."""


def ignore(_count: int) -> None:
    """Take the progress of one path and do nothing."""


class Unobserved:
    """The observer of a caller that does not want to know."""

    def hashing(self, path: str, size: int) -> Advance:
        return ignore

    def listing(self, path: str) -> Advance:
        return ignore

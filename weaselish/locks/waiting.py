"""Waiting for a lock that other processes hold: reports which ones, and ends what a killed `proj` left running."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from weaselish.cancel import Cancel
from weaselish.errors import Busy
from weaselish.locks.flock import TICK, FileLock
from weaselish.locks.holders import Holder, end, holders, holding_ancestor, name_of

_FIND_EVERY = 1.0  # seconds between two searches for the processes that hold the lock
_GRACE = 5.0  # seconds that orphans have between SIGTERM and SIGKILL


class Waiting:
    """One wait of the step `name` for one lock. Raises Busy if an ancestor of this process holds the lock."""

    def __init__(self, lock: FileLock, name: str) -> None:
        self._lock = lock
        self._name = name
        self._ended_at: dict[Holder, float] = {}  # orphan -> when it got SIGTERM
        self._find_holders()

    def _find_holders(self) -> None:
        self._found_at = time.monotonic()
        self._takers, self._orphans = holders(self._lock.path)
        ancestor = holding_ancestor(self._lock.path, self._takers)
        if ancestor is not None:
            signature = self._lock.signature()
            owner = signature.removesuffix(f" of process {ancestor}")
            step = f"step {owner}" if owner != signature else name_of(ancestor)
            raise Busy(
                f"`{self._name}` would wait forever: this `proj` was started by {step}, which holds what it needs",
                hint=f"remove this call from the script; to use what `{self._name}` writes, list it under `deps`",
            )

    @property
    def holder(self) -> str:
        """The process that is waited for, for a sentence. A living `proj` precedes the orphans of a killed one."""
        signature = self._lock.signature()
        if any(signature.endswith(f" of process {pid}") for pid in self._takers):
            return signature
        if self._takers:
            return name_of(min(self._takers))
        if self._orphans:
            names = ", ".join(sorted(name_of(orphan.pid) for orphan in self._orphans))
            return f"what a killed `proj` left running: {names}"
        return signature or "another process"

    def until_taken(self, exclusive: bool, on_wait: Callable[[str], None], cancel: Cancel) -> None:
        """Take the lock as soon as it is free. Raises Cancelled and Busy."""
        reported = None
        while not self._lock.take(exclusive=exclusive):
            if reported != (first := min(self._takers, default=0)):
                reported = first
                on_wait(self.holder)
            if not self._takers:
                self._end_orphans()
            cancel.sleep(TICK)
            if time.monotonic() - self._found_at > _FIND_EVERY:
                self._find_holders()

    def _end_orphans(self) -> None:
        now = time.monotonic()
        for orphan in self._orphans:
            if orphan not in self._ended_at:
                self._ended_at[orphan] = now
                end(orphan, self._lock.path, signal.SIGTERM)
            elif now - self._ended_at[orphan] > _GRACE:
                end(orphan, self._lock.path, signal.SIGKILL)

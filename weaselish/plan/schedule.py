"""Which steps may start now, and what a failure blocks. Has no clock, no threads and no files."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from weaselish.plan.graph import Plan


class Schedule:
    """The steps of a plan on their way through a run. Steps start in the plan's order as far as their waits allow.

    A step ends as done (`finish`) or failed (`fail`), which blocks all that needs it. Not thread-safe.
    """

    def __init__(self, plan: Plan, *, mutex: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._rank = {step: rank for rank, step in enumerate(plan.steps)}
        self._steps = plan.steps
        self._needs = plan.needs
        self._mutex = mutex or {}
        self._held: set[str] = set()
        self._missing = {step: len(plan.waits_for[step]) for step in plan.steps}
        self._followers: dict[str, list[str]] = {}
        for step in plan.steps:
            for before in plan.waits_for[step]:
                self._followers.setdefault(before, []).append(step)
        self._ready = [rank for rank, step in enumerate(plan.steps) if not self._missing[step]]
        self._blocked: set[str] = set()
        self.running: set[str] = set()

    @property
    def blocked(self) -> tuple[str, ...]:
        """The steps that can no longer run because of a failure, in the plan's order."""
        return tuple(sorted(self._blocked, key=self._rank.__getitem__))

    def start(self) -> str | None:
        """The next step that may start now; it counts as running from here on. None: nothing may, for the moment."""
        passed_over = []
        found = None
        while self._ready and found is None:
            rank = heapq.heappop(self._ready)
            step = self._steps[rank]
            if self._held.isdisjoint(self._mutex.get(step, ())):
                found = step
            else:
                passed_over.append(rank)
        for rank in passed_over:
            heapq.heappush(self._ready, rank)
        if found is not None:
            self.running.add(found)
            self._held.update(self._mutex.get(found, ()))
        return found

    def finish(self, step: str) -> None:
        """`step` is up to date: what waited for it alone may start."""
        self._end(step, ok=True)

    def fail(self, step: str) -> None:
        """`step` failed: what needs it, however far, is blocked; what only had to come after it may start."""
        self._end(step, ok=False)

    def _end(self, step: str, *, ok: bool) -> None:
        self.running.remove(step)
        self._held.difference_update(self._mutex.get(step, ()))
        ended = [(step, ok)]
        while ended:
            step, ok = ended.pop()
            for follower in self._followers.get(step, ()):
                if not ok and step in self._needs[follower]:
                    self._blocked.add(follower)
                self._missing[follower] -= 1
                if not self._missing[follower] and follower in self._blocked:
                    ended.append((follower, False))
                elif not self._missing[follower]:
                    heapq.heappush(self._ready, self._rank[follower])

"""Decides which steps may start now, and which a failure blocks. Has no clock, no threads and no files."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from weaselish.errors import UsageError
from weaselish.model.executors import Queue
from weaselish.model.resources import Resources
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Step

Pools = Mapping[str, int]  # name of a pool -> how much of it
_NO_POOLS: Pools = {}
_NO_QUEUES: Mapping[Step, Queue] = {}


class Schedule:
    """The steps of a plan during a run. Not thread-safe.

    A step may start once the steps that it waits for have ended and every pool holds what it needs. Of those that may
    start, the first in the plan's order does. A step ends as done (`finish`) or failed (`fail`), which blocks its
    consumers. It gives back what it took from the pools.
    """

    def __init__(
        self, plan: Plan, *, needs: Mapping[str, Pools] | None = None, capacities: Pools | None = None
    ) -> None:
        """Set out the plan. Raises UsageError for a step that needs more of a pool than its capacity."""
        self._rank: dict[str, int] = {step: rank for rank, step in enumerate(plan.steps)}
        self._steps = plan.steps
        self._needs = plan.needs
        self._pool_needs = needs or {}
        self._free = dict(capacities or {})
        self._check_capacities()
        self._missing: dict[str, int] = {step: len(plan.waits_for[step]) for step in plan.steps}
        self._followers: dict[str, list[str]] = {}
        for step in plan.steps:
            for before in plan.waits_for[step]:
                self._followers.setdefault(before, []).append(step)
        self._ready: dict[tuple[tuple[str, int], ...], list[int]] = {}  # what they need -> heap of ranks
        for step in plan.steps:
            if not self._missing[step]:
                self._add_ready(step)
        self._blocked: set[str] = set()
        self.running: set[str] = set()

    @property
    def blocked(self) -> tuple[str, ...]:
        """The steps that can no longer run because of a failure, in the plan's order."""
        return tuple(sorted(self._blocked, key=self._rank.__getitem__))

    def start(self) -> Step | None:
        """Return the next step that may start now and count it as running; None if no step may start yet."""
        startable = [ranks for needs, ranks in self._ready.items() if ranks and self._fits(needs)]
        if not startable:
            return None
        step = self._steps[heapq.heappop(min(startable, key=lambda ranks: ranks[0]))]
        self._take(step)
        return step

    @property
    def queued(self) -> tuple[Step, ...]:
        """The steps that could start if the pools held what they need, in the plan's order."""
        ranks = sorted(rank for ranks in self._ready.values() for rank in ranks)
        return tuple(self._steps[rank] for rank in ranks)

    def withdraw(self, step: str) -> None:
        """Note that a queued step waited too long: it counts as failed without having started."""
        ranks = self._ready[_group(self._pools_of(step))]
        ranks.remove(self._rank[step])
        heapq.heapify(ranks)
        self._take(step)
        self.fail(step)

    def finish(self, step: str) -> None:
        """Note that `step` is up to date. Steps that waited only for it may start."""
        self._end(step, ok=True)

    def fail(self, step: str) -> None:
        """Note that `step` failed. All its consumers downstream are blocked, but no step that only comes after it."""
        self._end(step, ok=False)

    def _check_capacities(self) -> None:
        for step, pools in self._pool_needs.items():
            for pool, count in pools.items():
                if count > (capacity := self._free.get(pool, 0)):
                    raise UsageError(f"`{step}` needs {count} of `{pool}`, but there is no more than {capacity}")

    def _take(self, step: str) -> None:
        self.running.add(step)
        for pool, count in self._pools_of(step).items():
            self._free[pool] -= count

    def _pools_of(self, step: str) -> Pools:
        return self._pool_needs.get(step, _NO_POOLS)

    def _fits(self, needs: tuple[tuple[str, int], ...]) -> bool:
        return all(count <= self._free[pool] for pool, count in needs)

    def _add_ready(self, step: str) -> None:
        """Add a step to those with the same needs: of each such group, only the first has to be tried."""
        ranks = self._ready.setdefault(_group(self._pools_of(step)), [])
        heapq.heappush(ranks, self._rank[step])

    def _end(self, step: str, *, ok: bool) -> None:
        self.running.remove(step)
        for pool, count in self._pools_of(step).items():
            self._free[pool] += count
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
                    self._add_ready(follower)


def _group(pools: Pools) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(pools.items()))


def pools_of(
    plan: Plan, *, jobs: int, machine: Resources | None = None, queues: Mapping[Step, Queue] = _NO_QUEUES
) -> tuple[dict[str, Pools], Pools]:
    """Return what the steps need of each pool, and the capacities.

    A mutex is a pool of one. If a step is interactive, the `jobs` are a pool, too: it needs all of them, others one.
    What `machine` has are pools of thousandths of a processor, bytes of memory and GPUs. A step that requests more than
    there is needs all of it: it may turn out to be up to date. Steps in `queues` need one job of their executor in
    place of all that.
    """
    here = [step for step in plan.steps if step not in queues]
    needs: dict[str, dict[str, int]] = {
        step: dict.fromkeys((f"mutex {name}" for name in mutex), 1)
        for step in plan.steps
        if (mutex := plan.command(step).mutex)
    }
    capacities = {pool: 1 for pools in needs.values() for pool in pools}
    is_interactive = any(plan.command(step).interactive for step in here)
    if is_interactive or queues:
        capacities["jobs"] = jobs
        for step in here:
            needs.setdefault(step, {})["jobs"] = jobs if plan.command(step).interactive else 1
    for step, queue in queues.items():
        pool = f"jobs of {queue.executor}"
        capacities[pool] = queue.max_jobs
        needs.setdefault(step, {})[pool] = 1
    if is_interactive and queues:
        _keep_terminal(plan, here, queues, needs, capacities)
    if machine is not None:
        capacities |= _pools(machine)
        for step in here:
            requested = {pool: count for pool, count in _pools(plan.command(step).requested).items() if count}
            needs.setdefault(step, {}).update({pool: min(count, capacities[pool]) for pool, count in requested.items()})
    return dict(needs), capacities


def _keep_terminal(
    plan: Plan,
    here: list[Step],
    queues: Mapping[Step, Queue],
    needs: dict[str, dict[str, int]],
    capacities: dict[str, int],
) -> None:
    """Let an interactive step have the terminal alone: no step in a queue may write to it at the same time."""
    capacities["terminal"] = len(queues)
    for step in (*queues, *(step for step in here if plan.command(step).interactive)):
        needs.setdefault(step, {})["terminal"] = 1 if step in queues else len(queues)


def _pools(resources: Resources) -> dict[str, int]:
    return {"cpus": round(resources.cpus * 1000), "memory": resources.memory, "gpus": resources.gpus}

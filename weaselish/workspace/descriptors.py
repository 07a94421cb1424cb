"""What the limit of open files, `ulimit -n`, leaves for steps that run at the same time."""

from __future__ import annotations

from typing import NamedTuple

MOST_LOCKS = 100  # of one step
_FEWEST_LOCKS = 6  # with fewer, steps would hold whole directories and wait for each other
_FOR_RUNNING = 8  # of one step: its log, its output, its end, and what is open while it is started
_FOR_ALL_ELSE = 64


class Room(NamedTuple):
    """`jobs` steps at a time, of which each may have `locks` lock files."""

    jobs: int
    locks: int


def room_for(jobs: int) -> Room:
    """For as many of `jobs` steps at a time as the limit allows, but one at least."""
    if jobs == 1:
        return Room(1, MOST_LOCKS)
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return Room(jobs, MOST_LOCKS)
    left = max(0, limit - _FOR_ALL_ELSE)
    fit = max(1, min(jobs, left // (_FOR_RUNNING + _FEWEST_LOCKS)))
    return Room(fit, max(_FEWEST_LOCKS, min(MOST_LOCKS, left // fit - _FOR_RUNNING)))

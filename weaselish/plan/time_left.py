"""How long the rest of a run takes."""

from __future__ import annotations

from collections.abc import Mapping

from weaselish.plan.graph import Plan


def seconds_left(plan: Plan, left: Mapping[str, float], *, jobs: int) -> float:
    """Return the seconds until the end of a run: those of the slowest chain of steps, or of all work among the jobs.

    `left` is how long each step that has not ended still takes; the others have no entry.
    """
    ends: dict[str, float] = {}
    for step in plan.steps:  # each comes after the steps that it waits for
        begin = max((ends[before] for before in plan.waits_for[step]), default=0.0)
        ends[step] = begin + left.get(step, 0.0)
    return max(max(ends.values(), default=0.0), sum(left.values()) / max(jobs, 1))

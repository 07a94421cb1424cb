"""Run ids. They rise within a project, and two working copies of it should not give the same id to two runs."""

from __future__ import annotations

import os

from weaselish.errors import BrokenState
from weaselish.files.state_dir import STATE
from weaselish.plan.record import MAX_COUNT
from weaselish.records.lockfile import FILE

_WRONG = 1_000_000  # microseconds by which the last id is ahead if a clock was wrong: here, or where it was given
_GAP = 100_000  # microseconds that such an id is ahead of the last one at most


def new_id(now: int, last: int) -> int:
    """Return a run id after `last`: the time, if that is later. Both are in microseconds since 1970.

    After a clock that was ahead, such as a colleague's, working copies begin with the same last id and cannot use the
    time. So the next ids lie apart at random. Raises BrokenState if `last` leaves no id.
    """
    if now > last:
        return now
    run = last + 1 + (int.from_bytes(os.urandom(4), "big") % _GAP if last - now > _WRONG else 0)
    if run >= MAX_COUNT:
        raise BrokenState(
            f"`{FILE}` or `{STATE}/runs` holds a run id that leaves none for new runs",
            hint=f"delete the entry with the highest `run` from `{FILE}`, and `{STATE}/runs`",
        )
    return run

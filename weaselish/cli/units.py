"""How the console shows sizes, durations and ages."""

from __future__ import annotations

import time

from weaselish.durations import shown_duration as shown_duration
from weaselish.sizes import shown_size as shown_size

_SUFFIXES = ["B", "KiB", "MiB", "GiB", "TiB"]


def shown_progress(done: int, total: int | None) -> str:
    """Return how many bytes of a total are done, in the unit of the total: `1.2 of 4.5 GiB`."""
    if total is None:
        return shown_size(done)
    from rich.filesize import pick_unit_and_suffix

    unit, _ = pick_unit_and_suffix(total, _SUFFIXES, 1024)
    return f"{done / unit:.{0 if unit == 1 else 1}f} of {shown_size(total)}"


def counted_progress(done: int, total: int | None, noun: str) -> str:
    """Return how many things of a total are done: `12,000 files`, `3 of 1,000 steps`."""
    return f"{done:,} {noun}" if total is None else f"{done:,} of {total:,} {noun}"


def shown_left(seconds: float) -> str:
    """Return the time left of something, which is never exact: `9 s`, `3 min`, `2 h 10 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def shown_age(moment: float) -> str:
    """Return how long ago a moment was, in its largest unit: `5 s`, `3 min`, `2 h`, `4 d`."""
    seconds = max(0.0, time.time() - moment)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def shown_time(moment: float) -> str:
    """Return a moment as local date and time: `2026-01-31 17:05:00`."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def counted(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

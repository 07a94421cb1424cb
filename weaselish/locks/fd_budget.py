"""File descriptors, of which a process may have few (`ulimit -n`), shared out among its steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from weaselish.cancel import Cancel

_SPARE = 32  # descriptors for whatever opens files without a reservation: threads that hash, journals, imports
_TICK = 0.05  # seconds between two attempts to reserve

_lock = Lock()
_reserved = 0  # descriptors of this process
_available = 0.0  # descriptors that can be reserved in all; set by the first reservation


@contextmanager
def reserve(count: int, *, on_wait: Callable[[str], None], cancel: Cancel) -> Iterator[None]:
    """Reserve `count` file descriptors for the block, waiting until enough are free.

    A sole caller is never refused. `on_wait` is called once with the reason before this waits. Raises Cancelled.
    """
    has_reported = False
    while not _take(count):
        if not has_reported:
            on_wait(f"other steps to end: no more than {_limit()} files may be open (`ulimit -n`)")
            has_reported = True
        cancel.sleep(_TICK)
    try:
        yield
    finally:
        _give_back(count)


def _take(count: int) -> bool:
    global _available, _reserved
    with _lock:
        if not _reserved:
            _available = _limit() - _open_files() - _SPARE
        elif _reserved + count > _available:
            return False
        _reserved += count
        return True


def _give_back(count: int) -> None:
    global _reserved
    with _lock:
        _reserved -= count


def _limit() -> float:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _open_files() -> int:
    with suppress(OSError):
        return len(os.listdir("/dev/fd"))
    return 3

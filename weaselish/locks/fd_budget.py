"""File descriptors, of which a process may have few (`ulimit -n`), shared out among what it does at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_FOR_ALL_ELSE = 64
_TICK = 0.05  # seconds between two looks whether there are enough

_lock = Lock()
_set_aside = 0  # of this process


@contextmanager
def reserve(count: int, *, on_wait: Callable[[str], None], pause: Callable[[float], object]) -> Iterator[None]:
    """Nobody else who asks here gets these `count` meanwhile. Where too few are left, the others are waited for.

    Who is alone gets any number. `on_wait` hears why it takes so long; `pause` is called with a time to pass, and may
    raise to give up.
    """
    is_told = False
    while not _take(count):
        if not is_told:
            on_wait(f"others to end: no more than {_limit()} files may be open (`ulimit -n`)")
            is_told = True
        pause(_TICK)
    try:
        yield
    finally:
        _give_back(count)


def _take(count: int) -> bool:
    global _set_aside
    with _lock:
        if _set_aside and _set_aside + count > _limit() - _FOR_ALL_ELSE:
            return False
        _set_aside += count
        return True


def _give_back(count: int) -> None:
    global _set_aside
    with _lock:
        _set_aside -= count


def _limit() -> float:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else limit

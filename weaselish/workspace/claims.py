"""Claims: the OS locks that a step holds while it runs, so that no other process touches what it reads and makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from weaselish.errors import Busy
from weaselish.model.paths import ancestors
from weaselish.workspace.os_lock import OsLock


@contextmanager
def claimed(
    locks: Path,
    name: str,
    *,
    writes: Iterable[str],
    reads: Iterable[str],
    on_wait: Callable[[str], None],
    wait: bool = True,
) -> Iterator[tuple[int, ...]]:
    """Hold the command's own name and `writes` alone, `reads` together with other readers; gives the descriptors.

    A path is held together with whatever lies inside it. Locks are taken in sorted order, so that no two steps can wait
    for each other. `on_wait` hears who holds a lock before it is waited for; without `wait`, Busy is raised.
    """
    wanted = _wanted(name, writes, reads)
    held: list[OsLock] = []
    try:
        for key, exclusive in sorted(wanted.items()):
            lock = OsLock(locks / key)
            held.append(lock)
            if not lock.take(exclusive=exclusive, wait=False):
                holder = lock.holder() or "another process"
                if not wait:
                    raise Busy(f"`{name}` would have to wait for {holder}")
                on_wait(holder)
                lock.take(exclusive=exclusive)
            if exclusive:
                lock.sign(f"`{name}` of process {os.getpid()}")
        yield tuple(lock.fd for lock in held)
    finally:
        for lock in reversed(held):
            lock.release()


def _wanted(name: str, writes: Iterable[str], reads: Iterable[str]) -> dict[str, bool]:
    """lock file -> whether it is held alone."""
    wanted: dict[str, bool] = {}
    for paths, exclusive in ((reads, False), (writes, True)):
        for path in paths:
            for directory in ancestors(path):
                wanted.setdefault(_file(f"p/{directory}"), False)
            wanted[_file(f"p/{path}")] = exclusive or wanted.get(_file(f"p/{path}"), False)
    wanted[_file(f"c/{name}")] = True
    return wanted


def _file(key: str) -> str:
    name = quote(key, safe="")
    if len(name) <= 200:
        return name
    from hashlib import md5

    return name[:160] + md5(key.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

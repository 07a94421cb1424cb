"""Claims: the OS locks that a step holds while it runs, so that no other process touches what it reads and makes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from posixpath import dirname
from urllib.parse import quote

from weaselish.errors import Busy
from weaselish.files.atomic import writing
from weaselish.locks.fd_budget import reserve
from weaselish.locks.flock import FileLock
from weaselish.locks.holders import Holder, end, holders, name_of
from weaselish.model.paths import ancestors

_MOST = 100  # lock files of one step, each of which is a file descriptor
_FOR_RUNNING = 8  # descriptors: its log, its output, its end, and what is open while it is started
_TICK = 0.05  # seconds between two tries to take a lock
_LOOK_EVERY = 1.0  # seconds between two looks at who holds it
_GRACE = 5.0  # seconds that orphans have between SIGTERM and SIGKILL


@contextmanager
def hold_locks(
    locks: Path,
    name: str,
    *,
    writes: Iterable[str],
    reads: Iterable[str],
    on_wait: Callable[[str], None],
    wait: bool = True,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[tuple[int, ...]]:
    """Hold the command's own name and `writes` alone, `reads` together with other readers; gives the descriptors.

    A path is held together with whatever lies inside it; where that would take very many locks, directories are held
    alone in place of what lies in them. Locks are taken in sorted order, so that no two steps can wait for each other.
    `on_wait` hears who holds a lock before it is waited for; without `wait`, Busy is raised. What a killed `proj` left
    behind is told to end. Where this process could not open all files of a step, its other steps are waited for first.
    `pause` is called with a time to pass, and may raise to give up.
    """
    wanted = _wanted(name, writes, reads)
    with reserve(len(wanted) + _FOR_RUNNING, on_wait=on_wait, pause=pause):
        held: list[FileLock] = []
        try:
            for key, exclusive in sorted(wanted.items()):
                with writing("`.proj/locks`"):
                    held.append(lock := FileLock(locks / key))
                if not lock.take(exclusive=exclusive, wait=False):
                    waiting = _Waiting(lock)
                    if not wait:
                        raise Busy(f"`{name}` would have to wait for {waiting.holder}")
                    waiting.until_taken(exclusive, on_wait, pause)
                if exclusive:
                    lock.sign(f"`{name}` of process {os.getpid()}")
            yield tuple(lock.fd for lock in held)
        finally:
            for lock in reversed(held):
                lock.release()


class _Waiting:
    """For a lock that others hold: says for whom, and ends the orphans among them."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self._told_at: dict[Holder, float] = {}  # orphan -> when it was told to end
        self._look()

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        self._takers, self._orphans = holders(self._lock.path)

    @property
    def holder(self) -> str:
        """Who is waited for, for a sentence: the living before the orphans."""
        signed = self._lock.holder()
        if any(signed.endswith(f" of process {pid}") for pid in self._takers):
            return signed
        if self._takers:
            return name_of(min(self._takers))
        if self._orphans:
            names = ", ".join(sorted(name_of(orphan.pid) for orphan in self._orphans))
            return f"what a killed `proj` left behind to end: {names}"
        return signed or "another process"

    def until_taken(self, exclusive: bool, on_wait: Callable[[str], None], pause: Callable[[float], object]) -> None:
        told = None
        while not self._lock.take(exclusive=exclusive, wait=False):  # who held it may be gone since
            if told != (first := min(self._takers, default=0)):
                told = first
                on_wait(self.holder)
            if not self._takers:
                self._end_orphans()
            pause(_TICK)
            if time.monotonic() - self._looked_at > _LOOK_EVERY:
                self._look()

    def _end_orphans(self) -> None:
        now = time.monotonic()
        for orphan in self._orphans:
            if orphan not in self._told_at:
                self._told_at[orphan] = now
                end(orphan, self._lock.path, signal.SIGTERM)
            elif now - self._told_at[orphan] > _GRACE:
                end(orphan, self._lock.path, signal.SIGKILL)


def _wanted(name: str, writes: Iterable[str], reads: Iterable[str]) -> dict[str, bool]:
    """lock file -> whether it is held alone."""
    paths = _with_what_is_around(dict.fromkeys(reads, False) | dict.fromkeys(writes, True), _MOST - 1)
    wanted = {f"p/{path}": alone for path, alone in paths.items()} | {f"c/{name}": True}
    return {_file(key): alone for key, alone in wanted.items()}


def _with_what_is_around(held: dict[str, bool], most: int) -> dict[str, bool]:
    """The paths, and the directories that they lie in, held together with others. While these are more than `most`, the
    fullest directory is held in place of what lies right in it; the project itself comes last.

    Alone, since held together with others it would not keep those away who write in it.
    """
    while True:
        wanted = {directory: False for path in held for directory in ancestors(path)} | held
        too_many = len(wanted) - most
        if too_many <= 0 or list(held) == ["."]:
            return wanted
        paths_in: dict[str, list[str]] = {}
        for path in held:
            paths_in.setdefault(dirname(path) or ".", []).append(path)
        for directory in sorted(paths_in, key=lambda place: (place == ".", -len(paths_in[place]))):
            for path in paths_in[directory]:
                held.pop(path, None)
            held[directory] = True
            too_many -= len(paths_in[directory])
            if too_many <= 0:
                break


def _file(key: str) -> str:
    name = quote(key, safe="")
    if len(name) <= 200:
        return name
    from hashlib import md5

    return name[:160] + md5(key.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

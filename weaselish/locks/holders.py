"""Who holds a lock, as /proc tells it: a living `proj`, or what a killed one left behind, its orphans.

A flock lasts while any process has the file open through which it was taken: the children of a `proj` that was killed
hold its locks on. /proc/PID/fdinfo/FD says so of a descriptor, and names the process that took the lock. Where there is
no /proc nobody is found, and who wants the lock can only wait.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = "/proc"


class Holder(NamedTuple):
    """A process that holds a lock; `taker` took it: the process itself, or the `proj` that it inherited it from."""

    pid: int
    taker: int


def holders(lock: Path) -> tuple[set[int], set[Holder]]:
    """The living processes that took the lock, and the orphans among those that hold it."""
    found = {holder for pid in _processes() for holder in _held_by(pid, lock)}
    takers = {holder.taker for holder in found if _holds(holder.taker, holder.taker, lock)}
    orphans = {holder for holder in found if holder.taker not in takers | {holder.pid}}
    # who still holds what it inherited, after its taker was seen without it, did not lose it in an orderly end
    return takers, {orphan for orphan in orphans if _holds(orphan.pid, orphan.taker, lock)}


def end(orphan: Holder, lock: Path, signum: signal.Signals) -> None:
    """Signal all of an orphan's session, which the executor made for the line that it belongs to."""
    session = os.getsid(0)
    with suppress(ProcessLookupError, PermissionError):
        theirs = os.getsid(orphan.pid)
        if theirs == session or not _holds(orphan.pid, orphan.taker, lock):
            return
        for pid in _processes():
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) == theirs:
                    os.kill(pid, signum)
                    os.kill(pid, signal.SIGCONT)


def name_of(pid: int) -> str:
    """A process for a sentence. Without its arguments, which may hold secrets."""
    try:
        program = Path(_PROC, str(pid), "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} (`{program}`)"


def _processes() -> Iterator[int]:
    with suppress(OSError):
        for name in os.listdir(_PROC):
            if name.isdigit():
                yield int(name)


def _holds(pid: int, taker: int, lock: Path) -> bool:
    return Holder(pid, taker) in _held_by(pid, lock)


def _held_by(pid: int, lock: Path) -> list[Holder]:
    """The process as holder of the lock, if it is one and may be looked into."""
    found = []
    with suppress(OSError):
        for name in os.listdir(f"{_PROC}/{pid}/fd"):
            with suppress(OSError):
                if os.path.basename(os.readlink(f"{_PROC}/{pid}/fd/{name}")) == lock.name:
                    found += [Holder(pid, taker) for taker in _takers(Path(_PROC, str(pid), "fdinfo", name), lock)]
    return found


def _takers(info: Path, lock: Path) -> Iterator[int]:
    """From lines like `lock: 1: FLOCK ADVISORY WRITE 8579 fe:00:2146861 0 EOF`."""
    inode = str(lock.stat().st_ino)
    for line in info.read_text("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["lock:"] and words[2] == "FLOCK" and words[6].rpartition(":")[2] == inode:
            yield int(words[5])

"""Finds the processes that hold a lock: a living `proj`, or processes that a killed one left running (orphans).

A flock lasts while any process has open the file through which it was taken. So the children of a killed `proj` go on
holding its locks. On Linux, /proc/PID/fdinfo/FD shows the locks of a descriptor and the process that took them, which
psutil does not. Elsewhere no holder is found, and a process that needs the lock can only wait.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.named_tuple import NamedTuple

_PROC = "/proc"
_TICK = 0.05  # seconds between two searches


class Holder(NamedTuple):
    """A process that holds a lock, and the process that took it: itself, or a `proj` from which it inherited it."""

    pid: int
    taker: int


def holders(lock: Path) -> tuple[set[int], set[Holder]]:
    """Return the living processes that took the lock, and the orphans among its holders."""
    all_holders = {holder for pid in _processes() for holder in _held_by(pid, lock)}
    takers = {holder.taker for holder in all_holders if _holds(holder.taker, holder.taker, lock)}
    orphans = {holder for holder in all_holders if holder.taker not in takers | {holder.pid}}
    # a taker that ended in good order released the lock for its children as well: check again
    return takers, {orphan for orphan in orphans if _holds(orphan.pid, orphan.taker, lock)}


def processes_of(lock: Path) -> set[Holder]:
    """Return the processes that inherited the lock: those of the script for which a `proj`, dead or alive, took it."""
    return {holder for pid in _processes() for holder in _held_by(pid, lock) if holder.pid != holder.taker}


def end_all(lock: Path, *, grace: float, cancel: Cancel) -> None:
    """End the processes that inherited the lock: SIGTERM, and SIGKILL after `grace` seconds. Raises Cancelled."""
    signum, kill_at = signal.SIGTERM, time.monotonic() + grace
    asked: set[Holder] = set()
    while held := processes_of(lock):
        if time.monotonic() > kill_at:
            signum, asked = signal.SIGKILL, set()
        for holder in held - asked:
            end(holder, lock, signum)
        asked |= held
        cancel.sleep(_TICK)


def holding_ancestor(lock: Path, takers: Collection[int]) -> int | None:
    """Return the process among our ancestors that holds the lock, if any. `takers` is what `holders` returned."""
    import psutil

    with suppress(psutil.Error, OSError):
        for ancestor in psutil.Process().parents():
            if ancestor.pid in takers or (not os.path.exists(_PROC) and _has_open(ancestor.pid, lock)):
                return ancestor.pid
    return None


def _has_open(pid: int, lock: Path) -> bool:
    """Check whether a process has the lock's file open; it then counts as holder if the system does not list locks."""
    import psutil

    with suppress(psutil.Error, OSError):
        return any(file.path == os.path.realpath(lock) for file in psutil.Process(pid).open_files())
    return False


def end(orphan: Holder, lock: Path, signum: signal.Signals) -> None:
    """Signal all processes of an orphan's session, which the executor created for the script line."""
    own_session = os.getsid(0)
    with suppress(ProcessLookupError, PermissionError):
        session = os.getsid(orphan.pid)
        if session == own_session or not _holds(orphan.pid, orphan.taker, lock):
            return
        for pid in _processes():
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) == session:
                    os.kill(pid, signum)
                    os.kill(pid, signal.SIGCONT)


def name_of(pid: int) -> str:
    """Describe a process for a sentence, without its arguments, which may contain secrets."""
    import psutil

    try:
        return f"process {pid} (`{psutil.Process(pid).name()}`)"
    except (psutil.Error, OSError):
        return f"process {pid}"


def _processes() -> Iterator[int]:
    with suppress(OSError):
        for name in os.listdir(_PROC):
            if name.isdigit():
                yield int(name)


def _holds(pid: int, taker: int, lock: Path) -> bool:
    return Holder(pid, taker) in _held_by(pid, lock)


def _held_by(pid: int, lock: Path) -> list[Holder]:
    """Return the process as holder of the lock, once per taker; nothing if it is not one or may not be inspected."""
    held = []
    with suppress(OSError):
        for name in os.listdir(f"{_PROC}/{pid}/fd"):
            with suppress(OSError):
                if os.path.basename(os.readlink(f"{_PROC}/{pid}/fd/{name}")) == lock.name:
                    held += [Holder(pid, taker) for taker in _takers(Path(_PROC, str(pid), "fdinfo", name), lock)]
    return held


def _takers(info: Path, lock: Path) -> Iterator[int]:
    """Parse lines such as `lock: 1: FLOCK ADVISORY WRITE 8579 fe:00:2146861 0 EOF`."""
    inode = str(lock.stat().st_ino)
    for line in info.read_text("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["lock:"] and words[2] == "FLOCK" and words[6].rpartition(":")[2] == inode:
            yield int(words[5])

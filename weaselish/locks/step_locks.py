"""The locks that a step holds while it runs, so that no other process touches what it reads and writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from posixpath import dirname

from weaselish.cancel import Cancel
from weaselish.errors import Busy
from weaselish.locks.fd_budget import reserve
from weaselish.locks.flock import FileLock
from weaselish.locks.lock_files import LockFiles
from weaselish.locks.waiting import Waiting
from weaselish.model.paths import ancestors

_MOST_LOCKS = 100  # of one step, each of which is a file descriptor
_TOPS = (".", "/")  # the project, and the directory around all paths outside it
_DESCRIPTORS_TO_RUN = 8  # of one step: its log, its output, its end, and files open while it starts


@contextmanager
def hold_locks(
    locks: Path,
    name: str,
    *,
    writes: Iterable[str],
    reads: Iterable[str],
    on_wait: Callable[[str], None],
    cancel: Cancel,
    wait: bool = True,
) -> Iterator[tuple[int, ...]]:
    """Hold the locks of the command `name` for the block; yield their file descriptors.

    The command's own lock and those of `writes` are exclusive, those of `reads` are shared. A path's lock covers
    everything inside the path. A step that would need very many locks locks the directories around its paths instead.
    Locks are taken in sorted order, so that no two steps wait for each other. Before this waits for a process,
    `on_wait` gets a description of it; if `wait` is false, Busy is raised instead. Orphans of a killed `proj` are
    ended. If too few file descriptors are free, this waits for other steps of this process first. `locks` is the
    project's `.proj/locks`. Raises Busy, Cancelled and ProjError.
    """
    needed = _needed(LockFiles(locks), name, writes, reads)
    with reserve(len(needed) + _DESCRIPTORS_TO_RUN, on_wait=on_wait, cancel=cancel):
        held: list[FileLock] = []
        try:
            for file, exclusive in sorted(needed.items()):
                held.append(lock := FileLock(file))
                if not lock.take(exclusive=exclusive):
                    waiting = Waiting(lock, name)
                    if not wait:
                        raise Busy(f"`{name}` would have to wait for {waiting.holder}")
                    waiting.until_taken(exclusive, on_wait, cancel)
                if exclusive:
                    lock.sign(f"`{name}` of process {os.getpid()}")
            yield tuple(lock.fd for lock in held)
        finally:
            for lock in reversed(held):
                lock.release()


def _needed(files: LockFiles, name: str, writes: Iterable[str], reads: Iterable[str]) -> dict[str, bool]:
    """Return the lock files that a step needs, and whether each lock is exclusive."""
    paths = dict.fromkeys(map(files.located, reads), False) | dict.fromkeys(map(files.located, writes), True)
    needed = {files.of_path(path): exclusive for path, exclusive in _with_ancestors(paths, _MOST_LOCKS - 1).items()}
    return needed | {files.of_command(name): True}


def _with_ancestors(paths: dict[str, bool], most: int) -> dict[str, bool]:
    """Add the directories around the paths, shared. Above `most` locks, replace paths by the directories they are in.

    The fullest directory is replaced first, the project itself last. A directory's own lock is then exclusive, since a
    shared one would not exclude steps that write in it.
    """
    paths = dict(paths)
    while True:
        needed = {directory: False for path in paths for directory in ancestors(path)} | paths
        excess = len(needed) - most
        paths_in: dict[str, list[str]] = {}
        for path in paths:
            if path not in _TOPS:
                paths_in.setdefault(dirname(path) or ".", []).append(path)
        if excess <= 0 or not paths_in:
            return needed
        for directory in sorted(paths_in, key=lambda directory: (directory in _TOPS, -len(paths_in[directory]))):
            for path in paths_in[directory]:
                paths.pop(path, None)
            paths[directory] = True
            excess -= len(paths_in[directory])
            if excess <= 0:
                break

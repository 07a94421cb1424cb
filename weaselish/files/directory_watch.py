"""Reports that something changed in directories, as soon as the system says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from weaselish.named_tuple import NamedTuple

_STEP = 50  # ms without an event after which a batch of events is passed on
_LONGEST_BATCH = 500  # ms
_FIRST_LOOK = 250  # ms after which a watch counts as established
_PATIENCE = 1.0  # seconds for a thread to end


class Directories(NamedTuple):
    """Directories to watch: themselves only, or with everything below them."""

    flat: frozenset[str] = frozenset()
    deep: frozenset[str] = frozenset()


class Batch(NamedTuple):
    """Paths that changed at about the same time. `moved` appeared or vanished. Both are empty once at the start."""

    moved: frozenset[str] = frozenset()


class OpenWatch(Protocol):
    """Yields batches of changes until `stop` is set. Raises OSError or RuntimeError if the system cannot watch."""

    def __call__(self, paths: Iterable[str], stop: threading.Event, *, recursive: bool) -> Iterator[Batch]: ...


class DirectoryWatch:
    """Watches directories in threads, and calls `wake` after each change in them.

    It cannot miss a change between two watches: `wake` is also called once a watch is established. If the system
    allows no further watches, `failure` says why, and the caller must look for changes itself.
    """

    def __init__(self, wake: Callable[[], object], *, open_watch: OpenWatch | None = None) -> None:
        self._wake = wake
        self._open_watch = open_watch or _watched
        self._watched = Directories()
        self._is_lost = False  # a watched directory appeared or vanished
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.failure: str | None = None

    def follow(self, directories: Directories) -> None:
        """Watch these directories from now on."""
        if self.failure is not None or (directories == self._watched and not self._is_lost):
            return
        self.close()
        self._watched, self._is_lost, self._stop = directories, False, threading.Event()
        for paths, recursive in ((directories.flat, False), (directories.deep, True)):
            if paths:
                thread = threading.Thread(target=self._watch, args=(sorted(paths), recursive, self._stop), daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._threads.clear()

    def _watch(self, paths: list[str], recursive: bool, stop: threading.Event) -> None:
        ours = self._watched.flat | self._watched.deep
        try:
            for batch in self._open_watch(paths, stop, recursive=recursive):
                self._is_lost |= not ours.isdisjoint(batch.moved)
                self._wake()
        except FileNotFoundError:  # a directory vanished just before
            self._is_lost = True
            self._wake()
        except (OSError, RuntimeError) as error:
            self.failure = str(error).partition(". about ")[0]  # without the details of the library
            self._wake()


def _watched(paths: Iterable[str], stop: threading.Event, *, recursive: bool) -> Iterator[Batch]:
    from watchfiles import Change, watch

    changes = watch(
        *map(Path, paths),
        watch_filter=None,
        step=_STEP,
        debounce=_LONGEST_BATCH,
        stop_event=stop,
        rust_timeout=_FIRST_LOOK,
        yield_on_timeout=True,
        raise_interrupt=False,
        recursive=recursive,
        ignore_permission_denied=False,  # true hides every error, and with it directories that are not watched
    )
    is_first = True
    for batch in changes:
        if batch or is_first:
            yield Batch(frozenset(path for kind, path in batch if kind is not Change.modified))
        is_first = False

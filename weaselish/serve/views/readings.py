"""Remembers what was read last, and reads again in the background: no request waits for large files or a network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from weaselish.cancel import Cancel
from weaselish.errors import ProjError

T = TypeVar("T")
Read = Callable[[Cancel], T]

_READERS = 4  # at a time
_PATIENCE = 0.1  # seconds that a request waits for a reading that may end soon


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was read last. `problem`: why the last attempt failed. `taken`: seconds since 1970, None if never."""

    value: T | None = None
    problem: str | None = None
    hint: str | None = None
    taken: float | None = None
    is_running: bool = False


_NOTHING: Reading[Any] = Reading()


class Readings:
    """The last reading of each subject. Thread-safe. Nothing is lost with it: any process can read the same."""

    def __init__(self, *, patience: float = _PATIENCE, clock: Callable[[], float] = time.time) -> None:
        self._patience = patience
        self._clock = clock
        self._cancel = Cancel()
        self._lock = threading.Lock()  # guards what follows
        self._last: dict[Hashable, Reading[Any]] = {}
        self._versions: dict[Hashable, Hashable] = {}
        self._running: dict[Hashable, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """End what runs, and start nothing more."""
        self._cancel.request()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self._cancel.close()

    def last(
        self, subject: Hashable, read: Read[T], *, version: Hashable = None, patience: float | None = None
    ) -> Reading[T]:
        """Return the last reading. Begin another if it is not of this version, and wait for it a little."""
        with self._lock:
            is_current = subject in self._last and self._versions.get(subject) == version
            future = self._running.get(subject)
        if not is_current and future is None:
            future = self._begin(subject, read, version)
        if future is not None and not is_current:
            wait([future], self._patience if patience is None else patience)
        return cast("Reading[T]", self._shown(subject))

    def again(self, subject: Hashable, read: Read[T], *, version: Hashable = None) -> None:
        """Begin another reading, unless one is running."""
        with self._lock:
            if subject in self._running:
                return
        self._begin(subject, read, version)

    def _begin(self, subject: Hashable, read: Read[Any], version: Hashable) -> Future[None] | None:
        with self._lock:
            if subject in self._running or self._cancel.level:
                return self._running.get(subject)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="reading")
            self._versions[subject] = version
            future = self._running[subject] = self._pool.submit(self._read, subject, read)
        return future

    def _read(self, subject: Hashable, read: Read[Any]) -> None:
        try:
            reading = Reading(value=read(self._cancel))
        except ProjError as error:
            reading = Reading(problem=error.message, hint=error.hint)
        except OSError as error:
            reading = Reading(problem=error.strerror or "it cannot be read")
        except BaseException:
            self._end(subject, Reading(problem="this is an error in proj; its traceback is in the server's output"))
            raise
        self._end(subject, reading)

    def _end(self, subject: Hashable, reading: Reading[Any]) -> None:
        with self._lock:
            self._running.pop(subject, None)
            earlier = self._last.get(subject)
            kept = earlier.value if earlier and reading.value is None else reading.value
            self._last[subject] = Reading(kept, reading.problem, reading.hint, self._clock())

    def _shown(self, subject: Hashable) -> Reading[Any]:
        with self._lock:
            last = self._last.get(subject) or _NOTHING
            if subject not in self._running:
                return last
            return Reading(last.value, last.problem, last.hint, last.taken, is_running=True)


@dataclass(frozen=True, slots=True)
class ReadState:
    """When something was read last, and whether that failed. `taken` in seconds since 1970."""

    taken: float | None
    is_running: bool
    problem: str | None
    hint: str | None


def state_of(reading: Reading[Any]) -> ReadState:
    """Return when and how a reading ended."""
    return ReadState(reading.taken, reading.is_running, reading.problem, reading.hint)

"""Asks Slurm about all running jobs at once, in one thread, however many there are."""

from __future__ import annotations

import threading
from time import monotonic

from weaselish.executors.slurm.programs import ControllerAway, Programs, Row
from weaselish.named_tuple import NamedTuple


class Seen(NamedTuple):
    """An answer of Slurm about one job. `row` is None if it has forgotten the job."""

    row: Row | None
    at: float  # of the monotonic clock, when it was asked


class Poller:
    """Asks once per `interval` seconds while there are jobs to watch, and when a caller cannot wait. Thread-safe."""

    def __init__(self, programs: Programs, interval: float) -> None:
        self._programs = programs
        self._interval = interval
        self._changed = threading.Condition()  # guards the rest
        self._watched: dict[str, Seen | None] = {}
        self._away: str | None = None
        self._is_closed = False
        self._is_urgent = False
        self._thread: threading.Thread | None = None

    @property
    def away(self) -> str | None:
        """The words of Slurm while its controller does not answer."""
        return self._away

    def watch(self, job: str) -> None:
        with self._changed:
            self._watched.setdefault(job, None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="slurm-poller", daemon=True)
                self._thread.start()

    def forget(self, job: str) -> None:
        with self._changed:
            self._watched.pop(job, None)

    def seen(self, job: str) -> Seen | None:
        """Return the last answer about a job, None before the first one."""
        with self._changed:
            return self._watched.get(job)

    def ask_soon(self) -> None:
        """Ask without waiting for the end of the interval."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closed:
                self._changed.wait_for(lambda: self._is_closed or self._is_urgent, self._interval)
                self._is_urgent = False
                jobs = tuple(self._watched)
                if jobs and not self._is_closed:
                    self._changed.release()
                    try:
                        self._ask(jobs)
                    finally:
                        self._changed.acquire()

    def _ask(self, jobs: tuple[str, ...]) -> None:
        asked = monotonic()
        try:
            rows = self._programs.rows(jobs)
        except ControllerAway as error:
            self._away = str(error)
            return
        with self._changed:
            self._away = None
            for job in jobs:
                if job in self._watched:
                    self._watched[job] = Seen(rows.get(job), asked)

"""Follows one job on Dask from this side: its events in order, its end, and requests to cancel it."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.dask.frames import DATA, ENDED, FAILED, LINE, STARTED
from weaselish.executors.dask.worker import request_level

if TYPE_CHECKING:
    from distributed import Client, Future

_TICK = 0.1  # seconds between two looks at the future and at the token
_LATE = 5.0  # seconds that events may arrive after the future has ended
_KILLING = 10.0  # seconds until a job that was killed counts as gone


class Following:
    """One job with the key `topic`, which is also that of its task.

    A worker that dies makes Dask start the task again, as a new attempt. Events of earlier attempts count for nothing
    from then on.
    """

    def __init__(self, client: Client, topic: str, job: Job, output: JobOutput, cancel: Cancel) -> None:
        """Receive the events of a job from now on."""
        self._client = client
        self._future: Future[Any] | None = None
        self._topic = topic
        self._job = job
        self._output = output
        self._cancel = cancel
        self._events: SimpleQueue[Any] = SimpleQueue()
        self._waiting: dict[tuple[str, int], list[Any]] = {}  # (attempt, number) -> an event that came too early
        self._last: dict[str, int] = {}  # attempt -> the number of its last event that was handled
        self._attempt: str | None = None
        self._attempts = 0
        self._worker = ""
        self._host = ""
        self._asked = Level.RUN
        self._outcome: Outcome | None = None
        client.subscribe_topic(topic, self._take)

    def _take(self, event: tuple[float, Any]) -> None:
        """Receive an event, in the thread of Dask's client."""
        self._events.put(event[1])

    def catch_up(self) -> None:
        """Take the events from before this process followed the job."""
        for _, event in self._client.get_events(self._topic):
            self._events.put(event)

    def until_ended(self, future: Future[Any], why_waiting: Callable[[], str]) -> Outcome:
        """Return how the job ended. `why_waiting` says why no worker has started it. Raises ProjError."""
        self._future = future
        begun, ended_at, killed_at = monotonic(), None, None
        try:
            while self._outcome is None:
                self._handle_next()
                now = monotonic()
                if self._cancel.level > self._asked:
                    self._ask(self._cancel.level)
                    if self._attempt is None:
                        return self._with_facts(Outcome(Ending.INTERRUPTED, 0, 0))
                    killed_at = now if self._asked is Level.KILL else None
                limit = self._job.queue_timeout
                if self._attempt is None and limit is not None and now - begun > limit:
                    message = f"{why_waiting()} within {limit:g} s"
                    return self._with_facts(_not_started(message, "raise `queue_timeout`"))
                if killed_at is not None and now - killed_at > _KILLING:
                    return self._with_facts(Outcome(Ending.INTERRUPTED, 0, 0))
                if future.done() and self._events.empty():
                    ended_at = ended_at or now
                    if future.status != "finished" or now - ended_at > _LATE:
                        return self._lost(future)
            return self._with_facts(self._outcome)
        finally:
            self._client.unsubscribe_topic(self._topic)

    def _handle_next(self) -> None:
        try:
            event = self._events.get(timeout=_TICK)
        except Empty:
            return
        attempt, number, *rest = event
        self._waiting[attempt, number] = rest
        while (rest := self._waiting.pop((attempt, self._last.get(attempt, 0) + 1), [])) and self._outcome is None:
            self._last[attempt] = self._last.get(attempt, 0) + 1
            self._handle_in_order(attempt, *rest)

    def _handle_in_order(self, attempt: str, kind: str, *values: Any) -> None:
        if kind == STARTED:
            self._attempt, (self._worker, self._host) = attempt, values
            self._attempts += 1
            if self._attempts > 1:
                self._output.write(b"\nThe worker died. Dask started the step again on another one.\n")
            if self._asked:
                self._ask(self._asked)
        elif attempt == self._attempt:
            self._handle(kind, list(values))

    def _handle(self, kind: str, values: list[Any]) -> None:
        if kind == LINE:
            self._output.start_line(self._job.lines[values[0]], values[1])
        elif kind == DATA:
            self._output.write(values[0])
        elif kind == ENDED:
            self._outcome = Outcome(**{**values[0], "ended": Ending(values[0]["ended"])})
        elif kind == FAILED:
            raise ProjError(f"`{self._job.name}`: {values[0]}", hint=values[1])

    def _ask(self, level: Level) -> None:
        """Ask the worker to end the job; drop the task if no worker has begun it."""
        self._asked = level
        if self._attempt is None and self._future is not None:
            self._future.cancel()
        else:
            self._client.run(request_level, self._topic, int(level), workers=[self._worker], on_error="ignore")

    def _lost(self, future: Future[Any]) -> Outcome:
        """Return the outcome of a task that ended without saying how. Raises ProjError."""
        if self._asked:
            return self._with_facts(Outcome(Ending.INTERRUPTED, 0, 0))
        error = future.exception() if future.status == "error" else None
        kind = type(error).__name__
        if kind == "KilledWorker":
            message = "the workers that ran it died, one after the other"
            hint = "look at their logs: they may be out of memory"
        elif isinstance(error, ImportError) or "deserialization" in str(error):
            message, hint = "a worker cannot read the task", "install the same version of weaselish where workers run"
        elif error is not None:
            message, hint = f"Dask reports {kind}: {str(error).partition(chr(10))[0]}", None
        else:
            message, hint = "Dask lost it", "its scheduler may have been started again"
        return self._with_facts(_not_started(message, hint))

    def _with_facts(self, outcome: Outcome) -> Outcome:
        """Return an outcome with what this side knows better."""
        interrupted = outcome.ended is Ending.INTERRUPTED
        return outcome._replace(
            host=outcome.host or self._host or os.uname().nodename,
            attempt=max(self._attempts, 1),
            exit_code=self._cancel.exit_code if interrupted else outcome.exit_code,
        )


def _not_started(message: str, hint: str | None) -> Outcome:
    return Outcome(Ending.NOT_STARTED, 1, message=message, hint=hint)

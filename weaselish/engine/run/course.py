"""The course of a run: starts the steps that may start, one by one or in threads, and collects their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from weaselish.cancel import Cancel, Level
from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.model.executors import Queue
from weaselish.model.resources import Resources
from weaselish.plan.graph import Plan
from weaselish.plan.schedule import Schedule, pools_of
from weaselish.plan.sequence import Step

RunStep = Callable[[Step], StepResult]

_NO_QUEUES: Mapping[Step, Queue] = {}
_NOT_DONE = (StepState.FAILED, StepState.INTERRUPTED, StepState.BLOCKED)


class Course:
    """Runs the steps of a plan once. `run_step` may be called by several threads; everything else by one thread.

    Once a step has run, no other step starts after `stop` returns true.
    """

    def __init__(
        self,
        plan: Plan,
        run_step: RunStep,
        report: events.Reporter,
        cancel: Cancel,
        jobs: int,
        stop: Callable[[], bool] = lambda: False,
        *,
        machine: Resources | None = None,
        queues: Mapping[Step, Queue] = _NO_QUEUES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set out the run. `machine`: what the steps share, if any of them requests something.

        `queues`: those of the steps that run elsewhere. They count neither for `jobs` nor for `machine`.
        """
        needs, capacities = pools_of(plan, jobs=jobs, machine=machine, queues=queues)
        self._queues = queues
        self._clock = clock
        self._queue_timeouts = {
            step: limit for step in plan.steps if step not in queues and (limit := plan.command(step).queue_timeout)
        }
        self._queued_since: dict[str, float] = {}
        self._plan = plan
        self._jobs = jobs
        self._schedule = Schedule(plan, needs=needs, capacities=capacities)
        self._run_step = run_step
        self._report = report
        self._cancel = cancel
        self._stop = stop
        self._has_run = False  # a step
        self._results: dict[str, StepResult] = {}
        self._goes_on = True
        self._keep_going = False

    @property
    def _most(self) -> int:
        """How many steps may run at once. With queues, the pools of the schedule set the limits."""
        return self._jobs + len(self._queues)

    def results(self) -> tuple[StepResult, ...]:
        """Return the result of every step, in the plan's order. A step that was not reached is blocked."""
        steps = self._plan.steps
        return tuple(self._results.get(step, StepResult(step, StepState.BLOCKED)) for step in steps)

    def run(self, *, keep_going: bool) -> None:
        """Run the steps. Report those that were not reached, even after an exception."""
        self._keep_going = keep_going
        try:
            if self._most == 1:
                while (step := self._next()) is not None:
                    self._take(self._run_step(step))
            else:
                self._run_in_threads()
        finally:
            for step in self._plan.steps:
                if step not in self._results:
                    self._report(events.StepBlocked(step))

    def _next(self) -> Step | None:
        """Return the next step to start; None if none may start yet, or the run is to end."""
        if not self._goes_on or self._cancel.level is not Level.RUN or (self._has_run and self._stop()):
            return None
        return self._schedule.start()

    def _take(self, result: StepResult) -> None:
        self._results[result.step] = result
        self._has_run |= result.seconds > 0
        if result.state in _NOT_DONE:
            self._schedule.fail(result.step)
            self._goes_on &= self._keep_going and result.state is StepState.FAILED
        else:
            self._schedule.finish(result.step)

    def _queue(self) -> float | None:
        """End the steps that have waited too long for resources. Return how long the next one may still wait."""
        if not self._queue_timeouts:
            return None
        if sum(step not in self._queues for step in self._schedule.running) >= self._jobs:
            return None
        left = []
        for step in self._schedule.queued:
            if step not in self._queue_timeouts:
                continue
            limit = self._queue_timeouts[step]
            rest = self._queued_since.setdefault(step, self._clock()) + limit - self._clock()
            if rest > 0:
                left.append(rest)
                continue
            self._schedule.withdraw(step)
            message = f"`{step}` waited {limit:g} s for its resources"
            self._report(events.StepFailed(step, limit, 1, message, "raise `queue_timeout`"))
            self._results[step] = StepResult(step, StepState.FAILED, 0.0, 1)
            self._goes_on &= self._keep_going
        return min(left, default=None)

    def _run_in_threads(self) -> None:
        """Run each step in a thread of its own: importing concurrent.futures takes too long."""
        from queue import Empty, SimpleQueue
        from threading import Thread

        ended: SimpleQueue[StepResult | BaseException] = SimpleQueue()

        def run_one(step: Step) -> None:
            try:
                ended.put(self._run_step(step))
            except BaseException as error:  # noqa: BLE001 - the thread that collects the results raises it
                ended.put(error)

        threads: dict[str, Thread] = {}
        try:
            while True:
                while len(self._schedule.running) < self._most and (step := self._next()) is not None:
                    thread = Thread(target=run_one, args=(step,))
                    try:
                        thread.start()
                    except RuntimeError:  # the system allows no more threads: this one can run the step, too
                        run_one(step)
                    else:
                        threads[step] = thread
                if not self._schedule.running:
                    return
                try:
                    result = ended.get(timeout=self._queue())
                except Empty:
                    continue
                if isinstance(result, BaseException):
                    raise result
                self._take(result)
                if (done := threads.pop(result.step, None)) is not None:
                    done.join()
        finally:
            for thread in threads.values():
                thread.join()

"""Runs a plan, N steps at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from weaselish.cancel import Cancel, Level
from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.events import SerialReporter, StepResult, StepState
from weaselish.engine.run.planning import check_sources, needed_deps, plan_for
from weaselish.engine.run.staleness import check_staleness
from weaselish.engine.run.step import StepOptions, StepRunner
from weaselish.errors import ProjError, UsageError
from weaselish.model.paths import is_text
from weaselish.plan.graph import Plan
from weaselish.plan.schedule import Schedule, mutex_pools
from weaselish.plan.sequence import Step, listed_commands
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.executors.base import ExecutorFor


class RunOptions(NamedTuple):
    jobs: int = 1
    only: bool = False
    force: bool = False
    keep_going: bool = False
    wait: bool = True
    args: tuple[str, ...] = ()  # appended to the last script line of the one target


class RunResult(NamedTuple):
    """What became of each step, in the plan's order."""

    plan: Plan
    results: tuple[StepResult, ...]
    interrupted: int | None = None  # the exit code of an interrupted run: 128 + the signal's number

    @property
    def exit_code(self) -> int:
        """0, or that of the first failed step in the plan's order; 128 + the signal of an interrupted run."""
        if self.interrupted is not None:
            return self.interrupted
        return next((result.exit_code for result in self.results if result.state is StepState.FAILED), 0)

    def of(self, state: StepState) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.state is state)


def run(
    workspace: Workspace,
    targets: Sequence[str],
    options: RunOptions,
    *,
    executor_for: ExecutorFor,
    report: events.Reporter,
    confirm: Callable[[str, str], bool] = lambda step, question: False,
) -> RunResult:
    """Bring `targets` up to date. Raises ProjError for what is wrong before anything starts.

    `executor_for` is called for each step that must run. Its executors stay open.
    """
    _check_args(options.args)
    begun = time.monotonic()
    cancel = workspace.cancel
    told = SerialReporter(report)
    plan = plan_for(workspace, targets, only=options.only, note=lambda text: told(events.Note(text)))
    if not options.only:
        check_sources(workspace, plan)
    workspace.prepare_to_change()
    report_broken_lock(workspace, told)
    _settle_conflicts(workspace)
    told(events.RunStarted(plan, options.jobs))
    runner = StepRunner(workspace, executor_for, told, confirm)
    forced = frozenset(listed_commands(plan.project, targets))
    needed = needed_deps(plan)

    def live(step: Step) -> StepResult:
        return runner.run(
            step,
            plan.command(step),
            StepOptions(
                args=options.args if step == targets[-1] else (),
                force=options.force and step.command in forced,
                wait=options.wait,
                has_stdin=options.jobs == 1,
                needed=needed,
            ),
        )

    results: dict[str, StepResult] = {}
    try:
        _run_all(plan, live, told, cancel, options, results)
    finally:
        workspace.records.close()
        workspace.save()
        if any(result.seconds for result in results.values()):
            from weaselish.records import logs

            logs.prune(workspace.state)
    ended = tuple(results.get(step, StepResult(step, StepState.BLOCKED)) for step in plan.steps)
    result = RunResult(plan, ended, interrupted=cancel.exit_code if cancel.level else None)
    told(events.RunFinished(ended, result.exit_code, time.monotonic() - begun))
    return result


def _check_args(args: Sequence[str]) -> None:
    """Refuse bytes that are no text: project.lock could not hold them."""
    if not is_text("".join(args)):
        raise UsageError("an argument after `--` is not text in UTF-8")


def _run_all(
    plan: Plan,
    live: Callable[[Step], StepResult],
    report: events.Reporter,
    cancel: Cancel,
    options: RunOptions,
    results: dict[str, StepResult],
) -> None:
    """Run the plan's steps; `results` takes up what became of each that was begun."""
    needs, capacities = mutex_pools(plan)
    schedule = Schedule(plan, needs=needs, capacities=capacities)

    def note(result: StepResult) -> bool:
        """Take a result in; whether the run goes on."""
        results[result.step] = result
        if result.state in (StepState.FAILED, StepState.INTERRUPTED, StepState.BLOCKED):
            schedule.fail(result.step)
            return options.keep_going and result.state is StepState.FAILED
        schedule.finish(result.step)
        return True

    if options.jobs == 1:
        goes_on = True
        while goes_on and cancel.level is Level.RUN and (step := schedule.start()) is not None:
            goes_on = note(live(step))
    else:
        _in_parallel(schedule, live, note, cancel, options.jobs)
    for step in plan.steps:
        if step not in results:
            report(events.StepBlocked(step))


def _in_parallel(
    schedule: Schedule,
    live: Callable[[Step], StepResult],
    note: Callable[[StepResult], bool],
    cancel: Cancel,
    jobs: int,
) -> None:
    """A thread for each step; those of concurrent.futures take 8 ms to import."""
    from queue import SimpleQueue
    from threading import Thread

    ended: SimpleQueue[StepResult | BaseException] = SimpleQueue()

    def run_one(step: Step) -> None:
        try:
            ended.put(live(step))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for it
            ended.put(error)

    threads: dict[str, Thread] = {}
    goes_on = True
    try:
        while True:
            while goes_on and cancel.level is Level.RUN and len(schedule.running) < jobs:
                step = schedule.start()
                if step is None:
                    break
                thread = Thread(target=run_one, args=(step,))
                try:
                    thread.start()
                except RuntimeError:  # the system allows no further threads
                    run_one(step)
                else:
                    threads[step] = thread
            if not schedule.running:
                return
            result = ended.get()
            if isinstance(result, BaseException):
                raise result
            goes_on = note(result) and goes_on
            if result.step in threads:
                threads.pop(result.step).join()
    finally:
        for thread in threads.values():
            thread.join()


def _settle_conflicts(workspace: Workspace) -> None:
    """Where a merge conflict left several entries of a command, keep the one that the disk bears out."""
    for name in workspace.records.conflicted:
        command = workspace.project.commands.get(name)
        if command is not None and len(workspace.records.last(name)) > 1:
            with suppress(ProjError):  # what cannot be read is told when the step itself is looked at
                looked = check_staleness(workspace, command)
                if looked.last is not None and looked.last.run:
                    workspace.records.settle(name, looked.last)

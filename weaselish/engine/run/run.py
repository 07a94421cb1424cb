"""Runs a plan, several steps at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.run.caching import Caching
from weaselish.engine.run.course import Course
from weaselish.engine.run.images import pull_images
from weaselish.engine.run.missing_deps import check_sources
from weaselish.engine.run.planning import args_of, explicitly_named, needed_deps, plan_for
from weaselish.engine.run.refusals import check_executor
from weaselish.engine.run.staleness import check_staleness
from weaselish.engine.run.step import StepOptions, StepRunner
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError, UsageError
from weaselish.model.executors import LOCAL, Queue
from weaselish.model.paths import is_text
from weaselish.model.project import Command
from weaselish.model.targets import commands_of
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.selection import ALL_STEPS, Selection
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.remote.resolve import OpenStore
    from weaselish.engine.run.machine import Machine
    from weaselish.engine.run.resources import LocalResources
    from weaselish.executors.base import ExecutorSource

Confirm = Callable[[str, str], bool]  # step, question -> whether the step may run


class RunOptions(NamedTuple):
    selection: Selection = ALL_STEPS
    jobs: int = 1
    keep_going: bool = False
    wait: bool = True
    args: tuple[str, ...] = ()  # appended to the last script line of the one target
    cache: str | None = None  # the run cache instead of project.yml's: a remote, or "off"
    gpus: str | None = None  # how many GPUs steps may use: a number or `auto`; None: by PROJ_GPUS, or `auto`


class RunResult(NamedTuple):
    """The results of all steps, in the plan's order."""

    plan: Plan
    results: tuple[StepResult, ...]
    interrupted: int | None = None  # the exit code of an interrupted run: 128 + the signal's number

    @property
    def exit_code(self) -> int:
        """That of the interruption, or else of the first step in the plan's order that has one; 0 without any."""
        if self.interrupted is not None:
            return self.interrupted
        ended = (StepState.FAILED, StepState.NOT_RECORDED)
        return next((one.exit_code for one in self.results if one.state in ended and one.exit_code), 0)

    def of(self, state: StepState) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.state is state)


def run(
    workspace: Workspace,
    targets: Sequence[str],
    options: RunOptions,
    *,
    executors: ExecutorSource,
    open_store: OpenStore,
    report: events.Reporter,
    confirm: Confirm = lambda step, question: False,
    stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Bring `targets` up to date. Raises ProjError for problems that show before anything starts.

    `executors` are opened for steps that must run, and stay open. Once a step has run, no other step
    starts after `stop` returns true.
    """
    begun = time.monotonic()
    if not is_text("".join(options.args)):  # project.lock could not hold them
        raise UsageError("an argument after `--` is not text in UTF-8")
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    pull_images(workspace, executors, serial)
    selection = options.selection
    named = explicitly_named(workspace.project, targets, selection)
    plan = plan_for(workspace, targets, selection, named=named, note=serial)
    args_of(plan, options.args)
    if workspace.project.artifacts:
        _fetch_imported(workspace, plan, open_store, serial)
    caching = Caching(workspace, options.cache, open_store, serial, steps=plan.steps)
    course: Course | None = None
    executors, close_transport = _with_transport(executors, workspace, plan, open_store, serial)
    try:
        queues = {step: queue for step in plan.steps if (queue := executors.queue_for(plan.command(step)))}
        machine = _machine_for(workspace, plan, options, queues)
        resources = None if machine is None else _resources(workspace, plan, machine, caching, executors)
        if not caching.is_configured:
            _check_executors(workspace, plan, executors)
        if not selection.only:
            _check_sources(workspace, plan, selection, caching)
        workspace.prepare_to_change()
        report_broken_lock(workspace, serial)
        _settle_conflicts(workspace)
        at_once = _at_once(plan, options.jobs, queues)
        if at_once > 1:
            executors.share_terminal()
        serial(events.RunStarted(plan, at_once))
        options_of = _options_of(plan, options._replace(jobs=at_once))
        runner = StepRunner(workspace, executors, serial, confirm, options_of, caching, resources)
        shared = None if machine is None else machine.resources
        course = Course(plan, runner, serial, workspace.cancel, options.jobs, stop, machine=shared, queues=queues)
        course.run(keep_going=options.keep_going)
    finally:
        caching.close()
        close_transport()
        _finish(workspace, course)
    ended = map(caching.result_of, course.results())
    results = tuple(_with_exit_code(workspace, result) for result in ended)
    result = RunResult(plan, results, workspace.cancel.exit_code if workspace.cancel.level else None)
    serial(events.RunFinished(results, result.exit_code, time.monotonic() - begun))
    return result


def _with_transport(
    executors: ExecutorSource, workspace: Workspace, plan: Plan, open_store: OpenStore, report: SerialReporter
) -> tuple[ExecutorSource, Callable[[], None]]:
    """Put executors that do not see the project behind a remote. Return them, and what closes that remote."""
    if not any(executors.remote_of(executors.name_for(plan.command(step))) for step in plan.steps):
        return executors, lambda: None
    from weaselish.engine.exec.transported import TransportSource

    transported = TransportSource(executors, workspace, open_store, report)
    return transported, transported.close


def _at_once(plan: Plan, jobs: int, queues: Mapping[Step, Queue]) -> int:
    """Return how many steps run at once at most: `jobs` on this machine, and others in their queues."""
    if not queues:
        return jobs
    here = min(jobs, len(plan.steps) - len(queues))
    counts = Counter(queues.values())
    return max(1, here + sum(min(queue.max_jobs, count) for queue, count in counts.items()))


def _machine_for(workspace: Workspace, plan: Plan, options: RunOptions, queues: Mapping[Step, Queue]) -> Machine | None:
    """Return what this machine has, None if no step on it requests anything. Raises UsageError."""
    here = (plan.command(step) for step in plan.steps if step not in queues)
    if options.gpus is None and not any(command.requested.exists for command in here):
        return None
    from weaselish.engine.run.machine import this_machine

    return this_machine(workspace.environ, options.gpus)


def _resources(
    workspace: Workspace, plan: Plan, machine: Machine, caching: Caching, executors: ExecutorSource
) -> LocalResources:
    """Return what hands out resources. Raises ProjError for a step that must run and requests too much.

    Whether a step must run may depend on the cache or on steps before it. Then the error comes at its turn.
    """
    from weaselish.engine.run.resources import LocalResources

    resources = LocalResources(machine, workspace.root)
    if not caching.is_configured:
        for name in plan.commands:
            command = workspace.project.commands[name]
            if (
                executors.queue_for(command) is None
                and resources.excess(command.requested)
                and _must_run(workspace, command)
            ):
                resources.check(command)
    return resources


def _check_executors(workspace: Workspace, plan: Plan, executors: ExecutorSource) -> None:
    """Raise ProjError for a step that must run, and that its executor can never run."""
    for name in plan.commands:
        command = workspace.project.commands[name]
        if (command.image or command.roles or executors.name_for(command) != LOCAL) and _must_run(workspace, command):
            check_executor(executors, command)


def _must_run(workspace: Workspace, command: Command) -> bool:
    from weaselish.files.walk import Unreadable

    try:
        staleness = check_staleness(workspace, command)
    except Unreadable:
        return False
    return bool(staleness.reasons) and not staleness.is_unrecorded


def _fetch_imported(workspace: Workspace, plan: Plan, open_store: OpenStore, report: events.Reporter) -> None:
    """Put the imported artifacts that the plan reads in place."""
    from weaselish.engine.artifacts.imports import fetch_imported  # only a project with artifacts needs it

    fetch_imported(workspace, map(plan.command, plan.steps), open_store=open_store, report=report)


def _check_sources(workspace: Workspace, plan: Plan, selection: Selection, caching: Caching) -> None:
    """Raise MissingDep for deps that do not exist, unless the cache may make up for them."""
    forced = selection.forced(plan)

    def may_be_absent(command: Command, dep: str) -> bool:
        return command.name not in forced and caching.may_be_absent(command, dep)

    check_sources(workspace, plan, may_be_absent=may_be_absent)


def _options_of(plan: Plan, options: RunOptions) -> Callable[[Step], StepOptions]:
    """Return the function that gives the options of one step of the plan."""
    named = frozenset(name for target in plan.targets for name in commands_of(plan.project, target))
    forced = options.selection.forced(plan)
    needed = needed_deps(plan)
    given = args_of(plan, options.args)

    def options_of(step: Step) -> StepOptions:
        return StepOptions(
            args=given.get(step, ()),
            force=step.command in forced,
            wait=options.wait,
            has_stdin=options.jobs == 1 or plan.command(step).interactive,
            needed=needed,
            is_named=step.command in named,
            keeps_unrecorded=step.command in plan.unrecorded,
        )

    return options_of


def _finish(workspace: Workspace, course: Course | None) -> None:
    """Fold the records into project.lock, write caches, and remove old logs if a script ran."""
    if course is None:
        return
    workspace.records.close()
    workspace.save()
    if any(result.seconds for result in course.results()):
        from weaselish.records import logs

        logs.prune(workspace.state)


def _with_exit_code(workspace: Workspace, result: StepResult) -> StepResult:
    """Return the result; a step whose inputs changed fails unless a later run of its command succeeded."""
    if result.state is StepState.NOT_RECORDED:
        is_last = workspace.records.unfinished(result.step.command) is ReasonKind.INPUTS_CHANGED
        return result._replace(exit_code=1 if is_last else 0)
    return result


def _settle_conflicts(workspace: Workspace) -> None:
    """Keep the entry that matches the disk, of several that a merge conflict left for a command."""
    for name in workspace.records.conflicted:
        command = workspace.project.commands.get(name)
        if command is not None and len(workspace.records.last(name)) > 1:
            with suppress(ProjError):  # the check of the step itself will report it
                last = check_staleness(workspace, command).last
                if last is not None and last.run:
                    workspace.records.settle(name, last)

"""Run one step: check whether it is up to date, lock its inputs and outputs, execute it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from weaselish.cancel import Level
from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.caching import Caching
from weaselish.engine.run.images import check_images
from weaselish.engine.run.missing_deps import check_deps
from weaselish.engine.run.refusals import check_executor
from weaselish.engine.run.staleness import Staleness, check_staleness
from weaselish.errors import Cancelled, MissingDep, ProjError
from weaselish.files.walk import Unreadable
from weaselish.load import FILE
from weaselish.model.interpolate import put_env
from weaselish.model.paths import dep_base, is_outside
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.run.execution import Execution
    from weaselish.engine.run.resources import LocalResources
    from weaselish.executors.base import ExecutorSource


class StepOptions(NamedTuple):
    """How to run one step."""

    args: tuple[str, ...] = ()
    force: bool = False
    wait: bool = True  # for other processes that hold its locks
    has_stdin: bool = True  # whether the script may read standard input, as it runs alone
    needed: frozenset[str] = frozenset()  # deps of the plan's steps
    is_named: bool = True  # by the user, alone or in a workflow: its outputs must be on the disk
    keeps_unrecorded: bool = False  # do not run it if its outputs exist and no run is recorded


class StepRunner:
    """Runs the steps of one workspace. Thread-safe: each call of `run` runs one step from its check to its record."""

    def __init__(
        self,
        workspace: Workspace,
        executors: ExecutorSource,
        report: events.Reporter,
        confirm: Callable[[str, str], bool],
        options_of: Callable[[Step], StepOptions],
        caching: Caching,
        resources: LocalResources | None,
    ) -> None:
        self._workspace = workspace
        self._options_of = options_of
        self._caching = caching
        self._resources = resources
        self._executors = executors
        self._cancel = workspace.cancel
        self._report = report
        self._confirm = confirm
        self._lock = threading.Lock()
        self._opened: Execution | None = None

    def __call__(self, step: Step) -> StepResult:
        """Run one step if it is out of date. An error is reported, and is in the result."""
        return self.run(step, self._workspace.project.commands[step.command], self._options_of(step))

    def run(self, step: Step, command: Command, options: StepOptions) -> StepResult:
        """Run one step if it is out of date. An error is reported, and is in the result."""
        begun = time.monotonic()
        try:
            return self._run(step, command, options)
        except Cancelled:
            return StepResult(step, StepState.BLOCKED)
        except ProjError as error:
            seconds = time.monotonic() - begun
            self._report(events.StepFailed(step, seconds, error.exit_code, error.message, error.hint))
            return StepResult(step, StepState.FAILED, seconds, error.exit_code)

    def _run(self, step: Step, command: Command, options: StepOptions) -> StepResult:
        forgotten = self._workspace.digests.times_forgotten
        staleness = self._check_without_locks(command, options)
        if staleness is not None and (result := self._without_running(step, staleness, options)) is not None:
            return result
        if (cached := self._caching.steps) is not None:
            locks = partial(self._holding_locks, step, command, options)
            result = cached.settle(
                step,
                command,
                options,
                staleness,
                hold_locks=locks,
                run_step=self._run_needed,
                reads_here=self._caching.expected_elsewhere(self._remote_of(command)) is None,
            )
            if result is not None:
                return result
            if self._workspace.digests.times_forgotten != forgotten:  # by a step that was fetched, or another thread
                staleness = self._check_without_locks(command, options)
            if staleness is not None and (result := self._without_running(step, staleness, options)) is not None:
                return result  # what it reads was fetched, and is what it read before
        if is_asked := staleness is not None:
            self._ask(command)
        with self._holding_locks(step, command, options) as (descriptors, holders):
            self._workspace.records.refresh()
            was_littered = self._workspace.remove_abandoned()
            if staleness is None or holders or was_littered or self._workspace.records.version != staleness.version:
                self._workspace.digests.forget()
                staleness = self._check(command, options)
                if (result := self._without_running(step, staleness, options)) is not None:
                    return result
            check_deps(self._workspace, command, staleness.missing_deps)
            if (result := self._restored(step, command, staleness, options)) is not None:
                return result
            check_executor(self._executors, command)
            check_images(self._workspace, command)
            if self._resources is not None and self._executors.queue_for(command) is None:
                self._resources.check(command)
            if not is_asked:
                self._ask(command)
            if self._cancel.level > Level.RUN:
                return StepResult(step, StepState.BLOCKED)
            self._warn_about(command)
            return self._execution.run(
                step,
                command,
                staleness,
                args=options.args,
                has_stdin=options.has_stdin,
                locks=descriptors,
                left_on=self._left_on(command, options),
            )

    @contextmanager
    def _holding_locks(
        self, step: Step, command: Command, options: StepOptions
    ) -> Iterator[tuple[tuple[int, ...], list[str]]]:
        """Hold the step's locks. Yield their descriptors, and the processes that were waited for."""
        from weaselish.locks.step_locks import hold_locks  # only where a step must run: its imports take time

        holders: list[str] = []

        def on_wait(holder: str) -> None:
            if holder not in holders[-1:]:  # one process may hold several locks
                self._report(events.StepWaiting(step, holder))
            holders.append(holder)

        with hold_locks(
            self._workspace.state / "locks",
            command.name,
            writes=command.all_outputs,
            reads=self._read_paths(command),
            on_wait=on_wait,
            wait=options.wait,
            cancel=self._cancel,
        ) as descriptors:
            yield descriptors, holders

    def _run_needed(self, step: Step) -> StepResult:
        """Run a step whose outputs were left in the cache, because another step reads them now."""
        command = self._workspace.project.commands[step.command]
        return self.run(step, command, self._options_of(step)._replace(is_named=True))

    @property
    def _execution(self) -> Execution:
        with self._lock:
            if self._opened is None:
                from weaselish.engine.run.execution import Execution

                cached = self._caching.steps
                self._opened = Execution(self._workspace, self._executors, self._report, cached, self._resources)
            return self._opened

    def _check_without_locks(self, command: Command, options: StepOptions) -> Staleness | None:
        """Return None if something is missing or vanishes: another process may be writing it."""
        try:
            staleness = self._check(command, options)
            if staleness.reasons and not (staleness.is_unrecorded and options.keeps_unrecorded):
                check_deps(self._workspace, command, staleness.missing_deps)
        except (Unreadable, MissingDep):
            return None
        return staleness

    def _restored(self, step: Step, command: Command, staleness: Staleness, options: StepOptions) -> StepResult | None:
        """Return the result of a step that the cache could restore; None if it must run."""
        cached = self._caching.steps
        if cached is None or options.force:
            return None
        return cached.restored(step, command, staleness, options.needed)

    def _ask(self, command: Command) -> None:
        question = put_env(command.confirm or "", self._workspace.shown_env)
        if question and not self._confirm(command.name, question):
            raise ProjError(f"`{command.name}` was not confirmed")

    def _warn_about(self, command: Command) -> None:
        from weaselish.engine.command_warnings import command_warnings, unset_variables

        workspace = self._workspace
        if not (workspace.root / FILE).is_file():  # the clean directory in which an artifact is computed again
            return
        for problem in (*command_warnings(workspace, command), *unset_variables(workspace, command)):
            self._report(events.Note(problem.located(), problem.hint))

    def _check(self, command: Command, options: StepOptions) -> Staleness:
        return check_staleness(
            self._workspace,
            command,
            args=options.args,
            force=options.force,
            needed=options.needed,
            expected=self._caching.expected_elsewhere(self._remote_of(command)),
        )

    def _left_on(self, command: Command, options: StepOptions) -> str | None:
        """Return the remote on which a job may leave the outputs of a step that no target names."""
        cached = self._caching.steps
        return None if cached is None or options.is_named else cached.may_leave(command)

    def _remote_of(self, command: Command) -> str | None:
        """Return the remote through which the files of a command travel, None if it runs in the project's directory."""
        return self._executors.remote_of(self._executors.name_for(command))

    def _without_running(self, step: Step, staleness: Staleness, options: StepOptions) -> StepResult | None:
        """Return the result of a step that need not run, None if it must run."""
        if staleness.is_unrecorded and options.keeps_unrecorded:
            self._report(events.StepUnrecorded(step))
            return StepResult(step, StepState.UNRECORDED)
        if staleness.reasons:
            return None
        last = staleness.last
        if last is not None and last.run == 0:  # an entry of Weasel's, verified just now, gets a record of its own
            from weaselish.engine.run.recording import adopt

            adopt(self._workspace, last)
        elif last is not None and not self._workspace.records.last(last.command):  # only old journals have it
            self._workspace.records.add(last)
        self._report(events.StepUpToDate(step, last.run if last else None))
        return StepResult(step, StepState.UP_TO_DATE)

    def _read_paths(self, command: Command) -> Iterator[str]:
        """Yield the deps that another step may write, with the outputs inside them, whose steps lock only those.

        A dep outside the project may be written by a step of another project.
        """
        for dep in command.deps:
            outputs = self._workspace.producers.outputs_overlapping(dep)
            if outputs or is_outside(dep_base(dep)):
                yield dep_base(dep)
                yield from outputs

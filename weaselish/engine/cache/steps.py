"""Steps of one run that the cache settles: restored, or left in the cache until another step reads their outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING

from weaselish.engine import events
from weaselish.engine.cache.lazy import LazyResults, absent_deps, is_locked
from weaselish.engine.cache.run_cache import RunCache, may_restore
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.staleness import Expected, Staleness, check_staleness
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import listed
from weaselish.files.projignore import has_projignore
from weaselish.files.walk import Unreadable
from weaselish.model.project import Command
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.run.step import StepOptions

RunStep = Callable[[Step], StepResult]  # runs a step that was left in the cache: its outputs are needed now
HoldLocks = Callable[
    [], AbstractContextManager[tuple[object, list[str]]]
]  # of one step; yields the processes that held them


class CachedSteps:
    """Settles the steps of one run as far as the cache can. Thread-safe."""

    def __init__(self, workspace: Workspace, cache: RunCache, report: SerialReporter, steps: Sequence[Step]) -> None:
        """Begin with nothing settled. `steps`: those of the plan, in its order."""
        self.cache = cache
        self._rank = {step: rank for rank, step in enumerate(steps)}
        self._workspace = workspace
        self._report = report
        self._lazy = LazyResults(workspace, cache)
        self._lock = Lock()  # guards the two below
        self._fetching: dict[Step, Lock] = {}
        self._results: dict[Step, StepResult] = {}

    def result_of(self, result: StepResult) -> StepResult:
        """Return the result of a step, or the later one if its outputs were needed after all."""
        return self._results.get(result.step, result)

    def may_be_absent(self, command: Command, dep: str) -> bool:
        """Return whether the command may turn out not to need a missing dep: its last record names the digest."""
        return self.cache.reads and is_locked(self._workspace, command, dep)

    # -- before a step takes its locks --------------------------------------------------------------------------------

    def settle(
        self,
        step: Step,
        command: Command,
        options: StepOptions,
        staleness: Staleness | None,
        *,
        hold_locks: HoldLocks,
        run_step: RunStep,
        reads_here: bool = True,
    ) -> StepResult | None:
        """Return the result of a step that need not run, None if it must be checked as without a cache.

        Then all outputs that it reads are on the disk, as far as the cache can provide them. `staleness`: by a check
        without the cache, None if a dep is missing. A step for which `reads_here` is false gets its deps from the
        remote of the cache, so that they need not be on the disk.
        """
        if not self.cache.reads:
            return None
        around = self._lazy.steps_to_know(command)
        if not self._fetch(step, around, run_step):
            return StepResult(step, StepState.BLOCKED)
        if staleness is None or around:
            staleness = self._check(command, options)
        if staleness is None:
            return None
        absent = absent_deps(self._workspace, staleness)
        if self._is_left(step, command, options, staleness):
            self._tell_of_recorded(command, absent)
            self._report(events.StepAvailable(step, self.cache.source))
            return StepResult(step, StepState.AVAILABLE)
        if not absent:
            return None
        if not staleness.reasons and not options.force:
            self._tell_of_recorded(command, absent)
            self._report(events.StepUpToDate(step, staleness.last.run if staleness.last else None))
            return StepResult(step, StepState.UP_TO_DATE)
        if not options.force and may_restore(command):
            is_current, result = self._restored_in_locks(step, command, options, staleness, hold_locks)
            if not is_current:  # check again: another process may have run the step
                self._workspace.digests.forget()
                return self.settle(
                    step, command, options, None, hold_locks=hold_locks, run_step=run_step, reads_here=reads_here
                )
            if result is not None:
                return result
        if reads_here and not self._fetch(step, self._lazy.steps_to_fetch(absent), run_step):
            return StepResult(step, StepState.BLOCKED)
        return None

    def _tell_of_recorded(self, command: Command, absent: Sequence[str]) -> None:
        """Note those of the absent deps that are not in the cache, either: they count as they were recorded."""
        if nowhere := [path for path in absent if self._lazy.expected(path, None) is None]:
            what = f"{listed(nowhere, most=1)} {'is' if len(nowhere) == 1 else 'are'} missing"
            self._report(events.Note(f"{what}; `{command.name}` need not run, by what was recorded"))

    def _is_left(self, step: Step, command: Command, options: StepOptions, staleness: Staleness) -> bool:
        """Leave the outputs of a step that no target names in the cache, if they are there. Return whether it did."""
        may_leave = staleness.reasons and not options.force and not options.is_named
        return bool(may_leave) and self._lazy.leave(step, command, staleness) is not None

    def _restored_in_locks(
        self, step: Step, command: Command, options: StepOptions, staleness: Staleness, hold_locks: HoldLocks
    ) -> tuple[bool, StepResult | None]:
        """Restore a step while its locks are held. Return whether `staleness` still counts then, and the result."""
        with hold_locks() as (_, holders):
            self._workspace.records.refresh()
            if holders or self._workspace.records.version != staleness.version:
                return False, None
            return True, self.restored(step, command, staleness, options.needed)

    def _check(self, command: Command, options: StepOptions) -> Staleness | None:
        """Check the step, with the digests of outputs that are in the cache. None if something cannot be read."""
        try:
            return check_staleness(
                self._workspace, command, args=options.args, needed=options.needed, expected=self._lazy.expected
            )
        except Unreadable:
            return None

    def _fetch(self, reader: Step, steps: Iterable[Step], run_step: RunStep) -> bool:
        """Bring the outputs of steps to the disk that come before `reader` in the plan. Return whether that succeeded.

        A step fetches earlier ones only, so no two threads, and no step and itself, wait for each other.
        """
        for step in steps:
            if self._rank[step] >= self._rank[reader]:
                continue
            with self._lock:
                lock = self._fetching.setdefault(step, Lock())
            with lock:
                if step not in self._results:
                    result = run_step(step)
                    self._workspace.digests.forget()
                    self._lazy.take(step)  # not earlier: other steps may be about to fetch it, too
                    with self._lock:
                        self._results[step] = result
            if self._results[step].state in (StepState.FAILED, StepState.INTERRUPTED, StepState.BLOCKED):
                return False
        return True

    # -- steps whose files travel through the remote of the cache ------------------------------------------------------

    @property
    def expected(self) -> Expected:
        """Return what gives the digest of a dep: that on the disk, or that of an output that is in the cache."""
        return self._lazy.expected

    def may_leave(self, command: Command) -> str | None:
        """Return the remote on which a job may leave the command's outputs, None if they must be fetched.

        They may stay where nothing of an earlier run is on the disk, and a later run finds them by its cache.
        """
        workspace = self._workspace
        if (
            not self.cache.reads
            or not may_restore(command)
            or workspace.project.compat
            or has_projignore(workspace.root)
        ):
            return None
        return None if any(map(workspace.exists, command.outputs)) else self.cache.source

    def keep(self, step: Step, command: Command, record: Record, *, is_left: bool) -> None:
        """Store the result of a run in the background, unless its job left it on the remote of the cache."""
        if is_left:
            self.cache.expect(record)
            self._lazy.add(step, record)
        else:
            self.cache.store(command, record)

    # -- while a step holds its locks ---------------------------------------------------------------------------------

    def restored(self, step: Step, command: Command, staleness: Staleness, needed: frozenset[str]) -> StepResult | None:
        """Return the result of a step that the cache could restore; None if it must run."""
        if _lacks_only_metrics(command, staleness):
            return None
        begun = time.monotonic()
        restored = self.cache.restore(command, staleness.now, needed)
        if restored is None:
            return None
        saved = _seconds(restored.record)
        self._report(events.StepRestored(step, restored.size, self.cache.source, saved, restored.record.run))
        return StepResult(step, StepState.RESTORED, time.monotonic() - begun)


def _lacks_only_metrics(command: Command, staleness: Staleness) -> bool:
    """Return whether only metrics files are missing, which no cache holds: a restore would not bring them back."""
    return bool(staleness.reasons) and all(
        reason.kind is ReasonKind.OUTPUT_MISSING
        and reason.subject in command.metrics
        and reason.subject not in command.outputs
        for reason in staleness.reasons
    )


def _seconds(record: Record) -> float | None:
    return record.provenance.seconds if record.provenance else None

"""Runs a step's script, with all that belongs to it: journal, log, retries, record."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.directories import make_directories
from weaselish.engine.run.earlier_job import EarlierJob, earlier_job
from weaselish.engine.run.failures import LAST_LINES, failure
from weaselish.engine.run.job import make_job
from weaselish.engine.run.output import MaskedOutput
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.run.recording import Recorder
from weaselish.engine.run.secrets import secret_values
from weaselish.engine.run.staleness import Staleness
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, ExecutorSource, Job, JobOutput, Outcome
from weaselish.model.masking import masked
from weaselish.model.project import Command
from weaselish.plan.metrics import Metrics
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.sequence import Step
from weaselish.records.journal_lines import AttemptEnd
from weaselish.records.logs import LogWriter, last_lines, log_path, replica_log
from weaselish.records.stops import stop_path, take_stop
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.cache.steps import CachedSteps
    from weaselish.engine.run.resources import LocalResources


class Execution:
    """Runs scripts for one run of one workspace. Thread-safe."""

    def __init__(
        self,
        workspace: Workspace,
        executors: ExecutorSource,
        report: events.Reporter,
        cached: CachedSteps | None = None,
        resources: LocalResources | None = None,
    ) -> None:
        self._workspace = workspace
        self._cached = cached
        self._resources = resources
        self._is_noted = False  # that a limit is not enforced
        self._executors = executors
        self._cancel = workspace.cancel
        self._report = report
        self._provenance = ProvenanceSource(workspace.root)

    def run(
        self,
        step: Step,
        command: Command,
        looked: Staleness,
        *,
        args: tuple[str, ...],
        has_stdin: bool,
        locks: tuple[int, ...],
        left_on: str | None = None,
    ) -> StepResult:
        """Run the command, of which `looked` says why, and record it if it succeeds. Raises ProjError.

        `locks` are the descriptors of the locks that the caller holds; the script's processes inherit them.
        `left_on`: a remote on which an executor may leave the outputs, if it stores them there.
        """
        earlier = None
        if any(reason.kind is ReasonKind.INTERRUPTED for reason in looked.reasons):
            earlier = earlier_job(self._workspace, self._executors, command, looked, self._report)
            if earlier is None:
                self._recover_outputs(command)
        job = make_job(self._workspace, command, looked.now, args=args)
        make_directories(self._workspace, command)
        records = self._workspace.records
        recorder = Recorder(self._workspace, command, args, looked)
        reasons = tuple(map(str, looked.reasons))
        run = records.start(command.name, job.id.key, reasons)
        begun, wall = time.monotonic(), time.time()
        with LogWriter(log_path(self._workspace.state, command.name, run)) as log, self._taken(command) as env:
            job = job._replace(id=job.id._replace(run=run), env={**env, **job.env}, reasons=reasons, left_on=left_on)
            outcome = self._attempts(step, command, job, looked, log, locks, earlier)
        self._workspace.digests.forget()
        seconds = time.monotonic() - begun
        self._note_limits(command, outcome)
        if not outcome.succeeded:
            lines = last_lines(replica_log(log.path, outcome.replica), LAST_LINES)
            message, hint = failure(command, outcome, lines, root=self._workspace.root, has_stdin=has_stdin)
            return self._not_succeeded(step, run, outcome, seconds, message, hint)
        try:
            record = recorder.record(run) if outcome.record is None else recorder.adopted(outcome.record, run)
        except ProjError as error:
            records.end(command.name, run, AttemptEnd.FAILED, seconds=seconds, message=error.message)
            raise
        if record is None:
            return self._inputs_changed(step, run, seconds)
        if outcome.record is None:
            provenance = self._provenance.of_run(reasons, outcome, wall=wall, seconds=seconds)
            record = record._replace(provenance=provenance, metrics=self._metrics(command))
        records.add(record)
        if self._cached is not None:
            self._cached.keep(step, command, record, is_left=outcome.is_left)
        self._report(events.StepDone(step, seconds, run=run))
        return StepResult(step, StepState.RAN, seconds)

    def _taken(self, command: Command) -> AbstractContextManager[Mapping[str, str]]:
        """Take the GPUs of the command for a block. It yields the variables that name them."""
        if self._resources is None or self._executors.queue_for(command) is not None:
            return nullcontext({})
        return self._resources.taken(command)

    def _note_limits(self, command: Command, outcome: Outcome) -> None:
        """Say once in a run that the executor enforces no limit of memory."""
        if not outcome.is_limited and not self._is_noted:
            self._is_noted = True
            hint = "control groups of this system cannot be used by this user"
            self._report(events.Note(f"the memory limit of `{command.name}` is not enforced here", hint))

    def _metrics(self, command: Command) -> Metrics:
        if not command.metrics:
            return {}
        from weaselish.engine.run.metrics import read_metrics

        return read_metrics(self._workspace, command, self._report)

    def _attempts(
        self,
        step: Step,
        command: Command,
        job: Job,
        looked: Staleness,
        log: LogWriter,
        locks: tuple[int, ...],
        earlier: EarlierJob | None,
    ) -> Outcome:
        """Run the job until it succeeds, is stopped, or its retries are used up.

        An earlier run may have begun the first attempt.
        """
        secrets = secret_values(self._workspace, command)
        stop = stop_path(self._workspace.state, command.name, job.id.run)
        for attempt in range(1, command.retries + 2):
            self._report(events.StepStarted(step, looked.reasons, attempt, log.path, job.id.run))
            self._workspace.digests.forget()
            output = MaskedOutput(step, job.id.run, log, self._report, secrets)
            outcome = self._attempt(command, job, output, locks, earlier)
            output.finish()
            earlier = None
            if take_stop(stop):
                outcome = _stopped(outcome)
                break
            if outcome.succeeded or outcome.ended is Ending.INTERRUPTED:
                break
        return outcome._replace(message=outcome.message and masked(outcome.message, secrets))

    def _attempt(
        self, command: Command, job: Job, output: JobOutput, locks: tuple[int, ...], earlier: EarlierJob | None
    ) -> Outcome:
        """Wait for the job that an earlier run submitted; run it if there is none, or it left no result."""

        handles: list[str] = []

        def submitted(handle: str) -> None:
            handles.append(handle)
            self._workspace.records.submit(command.name, job.id.run, self._executors.name_for(command), handle)

        if earlier is not None:
            submitted(earlier.handle)
            outcome = earlier.executor.attach(job, earlier.handle, output=output, cancel=self._cancel)
            if outcome is not None:
                return outcome
        executor = self._executors.executor_for(command)
        try:
            return executor.run(job, output=output, cancel=self._cancel, keep_open=locks, submitted=submitted)
        except ProjError as error:
            if not handles:  # nothing may still run
                self._workspace.records.end(command.name, job.id.run, AttemptEnd.FAILED, message=error.message)
            raise

    def _recover_outputs(self, command: Command) -> None:
        """Undo what a killed pull left half-way. Pull never writes to outputs outside the project."""
        from weaselish.files.swap import recover_all

        recover_all([self._workspace.root / output for output in command.pushed_outputs])

    def _not_succeeded(
        self, step: Step, run: int, outcome: Outcome, seconds: float, message: str, hint: str | None
    ) -> StepResult:
        interrupted = outcome.ended is Ending.INTERRUPTED
        self._workspace.records.end(
            step.command,
            run,
            AttemptEnd.INTERRUPTED if interrupted else AttemptEnd.FAILED,
            exit_code=outcome.exit_code,
            seconds=seconds,
            message=message,
        )
        self._report(events.StepFailed(step, seconds, outcome.exit_code, message, hint, run))
        state = StepState.INTERRUPTED if interrupted else StepState.FAILED
        return StepResult(step, state, seconds, outcome.exit_code)

    def _inputs_changed(self, step: Step, run: int, seconds: float) -> StepResult:
        self._workspace.records.end(step.command, run, AttemptEnd.INPUTS_CHANGED, seconds=seconds)
        self._report(events.StepDone(step, seconds, "inputs changed while it ran", run))
        return StepResult(step, StepState.NOT_RECORDED, seconds)


def _stopped(outcome: Outcome) -> Outcome:
    """Return the outcome of a job that a visitor or `proj stop` ended: a failure, however the script reacted."""
    if outcome.succeeded:
        outcome = outcome._replace(ended=Ending.SIGNALLED, exit_code=128 + signal.SIGTERM)
    return outcome._replace(message="stopped on request", hint=None)

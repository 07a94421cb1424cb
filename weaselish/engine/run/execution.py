"""Runs a step's script, with all that belongs to it: journal, log, retries, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from weaselish.engine import events
from weaselish.engine.events import StepResult, StepState
from weaselish.engine.run.job import Stdin, logged_lines, make_job
from weaselish.engine.run.provenance import Facts
from weaselish.engine.run.recording import Recorder
from weaselish.engine.run.staleness import Staleness
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Executor, Outcome
from weaselish.files.atomic import writing
from weaselish.model.project import Command
from weaselish.plan.reasons import ReasonKind
from weaselish.records.logs import LogWriter, log_path
from weaselish.workspace import Workspace


class Execution:
    """Runs scripts for one run of one workspace. Thread-safe."""

    def __init__(self, workspace: Workspace, executor: Executor, report: events.Reporter) -> None:
        self._workspace = workspace
        self._executor = executor
        self._cancel = workspace.cancel
        self._report = report
        self._facts = Facts(workspace.root)

    def close(self) -> None:
        self._executor.close()

    def run(
        self, command: Command, looked: Staleness, *, args: tuple[str, ...], stdin: Stdin, keep_open: tuple[int, ...]
    ) -> StepResult:
        """Run the command, of which `looked` says why, and record it if it succeeds. Raises ProjError.

        The caller holds its claims; `keep_open` are their file descriptors, for the children.
        """
        self._check_places(command, mend=any(reason.kind is ReasonKind.INTERRUPTED for reason in looked.reasons))
        job = make_job(self._workspace, command, args=args, stdin=stdin, keep_open=keep_open)
        self._make_directories()
        records = self._workspace.records
        recorder = Recorder(self._workspace, command, args, looked)
        run = records.start(command.name, looked.now.key, [str(reason) for reason in looked.reasons])
        begun, wall = time.monotonic(), time.time()
        with LogWriter(log_path(self._workspace.state, command.name, run)) as log:
            output = self._output(command.name, run, log, logged_lines(command, job, args))
            for attempt in range(1, command.retries + 2):
                self._report(events.StepStarted(command.name, looked.reasons, attempt, log.path, run))
                self._workspace.digests.forget()
                outcome = self._executor.run(job, output=output, cancel=self._cancel)
                if outcome.succeeded or outcome.ended is Ending.INTERRUPTED:
                    break
        self._workspace.digests.forget()
        seconds = time.monotonic() - begun
        if not outcome.succeeded:
            return self._not_succeeded(command, run, outcome, seconds)
        try:
            record = recorder.record(run)
        except ProjError as error:
            records.end(command.name, run, "failed", seconds=round(seconds, 3), message=error.message)
            raise
        if record is None:
            return self._inputs_changed(command, run, seconds)
        facts = {"started": _iso(wall), "seconds": round(seconds, 3), "reasons": [str(r) for r in looked.reasons]}
        records.add(record._replace(facts={**facts, **self._facts.gathered()}))
        self._report(events.StepDone(command.name, seconds, run=run))
        return StepResult(command.name, StepState.RAN, seconds)

    def _output(self, step: str, run: int, log: LogWriter, kept: Mapping[bytes, bytes]) -> Callable[[bytes], None]:
        def pass_on(data: bytes) -> None:
            log.write(kept.get(data, data))
            self._report(events.StepOutput(step, data, run))

        return pass_on

    def _check_places(self, command: Command, *, mend: bool) -> None:
        for output in command.all_outputs:
            self._workspace.check_inside(output, "output")
        if mend:
            from weaselish.files.swap import recover_all

            recover_all([self._workspace.root / output for output in command.all_outputs])

    def _make_directories(self) -> None:
        for directory in self._workspace.project.directories:
            self._workspace.check_inside(directory, "directory")
            with writing(f"directory `{directory}`"):
                (self._workspace.root / directory).mkdir(parents=True, exist_ok=True)

    def _not_succeeded(self, command: Command, run: int, outcome: Outcome, seconds: float) -> StepResult:
        interrupted = outcome.ended is Ending.INTERRUPTED
        self._workspace.records.end(
            command.name,
            run,
            "interrupted" if interrupted else "failed",
            exit_code=outcome.exit_code,
            seconds=round(seconds, 3),
        )
        message, hint = _told(command, outcome)
        self._report(events.StepFailed(command.name, seconds, outcome.exit_code, message, hint, run))
        state = StepState.INTERRUPTED if interrupted else StepState.FAILED
        return StepResult(command.name, state, seconds, outcome.exit_code)

    def _inputs_changed(self, command: Command, run: int, seconds: float) -> StepResult:
        self._workspace.records.end(command.name, run, "inputs changed", seconds=round(seconds, 3))
        self._report(events.StepDone(command.name, seconds, "inputs changed while it ran", run))
        return StepResult(command.name, StepState.NOT_RECORDED, seconds)


def _told(command: Command, outcome: Outcome) -> tuple[str, str | None]:
    line = f", line {outcome.line + 1}" if outcome.line is not None and len(command.script) > 1 else ""
    if outcome.ended is Ending.NOT_STARTED:
        return f"`{command.name}`{line}: {outcome.message}", None
    if outcome.ended is Ending.TIMED_OUT:
        return f"`{command.name}`{line} was ended after its timeout of {command.timeout:g} s", None
    if outcome.ended is Ending.INTERRUPTED:
        return f"`{command.name}`{line} was interrupted", None
    if outcome.ended is Ending.SIGNALLED:
        return f"`{command.name}`{line} was killed by signal {outcome.exit_code - 128}", None
    return f"`{command.name}`{line} failed with exit code {outcome.exit_code}", None


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

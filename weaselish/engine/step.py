"""The life of one step: look, decide, run, check, record."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from weaselish.engine import events
from weaselish.engine.facts import Facts
from weaselish.engine.job import Stdin, logged_lines, make_job
from weaselish.engine.look import Look, check_deps, look
from weaselish.errors import MissingDep, ProjError, UnsafePath
from weaselish.executors.base import Ended, Executor, Level, Outcome, Stop
from weaselish.model.interpolate import put_env
from weaselish.model.paths import dep_base, overlap
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint, Made, Record, Why, fingerprint
from weaselish.workspace import weasel
from weaselish.workspace.claims import claimed
from weaselish.workspace.hashing import Unreadable
from weaselish.workspace.logs import LogWriter, log_path
from weaselish.workspace.stat_cache import Stamp
from weaselish.workspace.state_dir import writing
from weaselish.workspace.swap import recover
from weaselish.workspace.workspace import Workspace

_MOST_HELD = 50  # outputs inside a dep; each takes a file descriptor


class State(enum.Enum):
    """How a step of a run ended."""

    UP_TO_DATE = "up to date"
    RAN = "ran"
    NOT_RECORDED = "not recorded"  # it ran, but its inputs changed meanwhile
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Result:
    step: str
    state: State
    seconds: float = 0.0
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How one step is to be run."""

    args: tuple[str, ...] = ()
    force: bool = False
    wait: bool = True  # for other processes that hold what the step needs
    stdin: Stdin = "null"
    needed: frozenset[str] = frozenset()  # deps of the plan's steps


class _Stopped(Exception):
    """The run was stopped while the step waited for its locks."""


class StepRunner:
    """Runs steps of one workspace. Thread-safe: each call of `run` is one step's whole life."""

    def __init__(
        self,
        workspace: Workspace,
        executor: Executor,
        stop: Stop,
        report: events.Reporter,
        confirm: Callable[[str, str], bool],
    ) -> None:
        self._workspace = workspace
        self._executor = executor
        self._stop = stop
        self._report = report
        self._confirm = confirm
        self._facts = Facts(workspace.root)

    def run(self, command: Command, options: StepOptions) -> Result:
        """Bring one command up to date, if it is not. What goes wrong with it is reported and is in the result."""
        begun = time.monotonic()
        try:
            return self._run(command, options)
        except _Stopped:
            return Result(command.name, State.BLOCKED)
        except ProjError as error:
            seconds = time.monotonic() - begun
            self._report(events.StepFailed(command.name, seconds, error.exit_code, error.message, error.hint))
            return Result(command.name, State.FAILED, seconds, error.exit_code)

    def _run(self, command: Command, options: StepOptions) -> Result:
        looked = self._first_look(command, options)
        if looked is not None and not looked.reasons:
            return self._up_to_date(command, looked)
        if is_asked := looked is not None:
            self._ask(command)
        waited = False

        def on_wait(holder: str) -> None:
            nonlocal waited
            waited = True
            self._report(events.StepWaiting(command.name, holder))

        version = self._workspace.records.version
        locks = self._workspace.state / "locks"
        reads, alone = self._made_by_others(command)
        writes, wait = (*command.made, *alone), options.wait
        with claimed(
            locks, command.name, writes=writes, reads=reads, on_wait=on_wait, wait=wait, pause=self._pause
        ) as descriptors:
            self._workspace.records.refresh()
            if looked is None or waited or self._workspace.records.version != version:
                self._workspace.digests.forget()
                looked = self._look(command, options)
                if not looked.reasons:
                    return self._up_to_date(command, looked)
            check_deps(self._workspace, command, looked.missing_deps)
            if not is_asked:
                self._ask(command)
            return self._execute(command, options, looked, descriptors)

    def _first_look(self, command: Command, options: StepOptions) -> Look | None:
        """Without locks. None where something is missing or vanishes: another process may be at work there."""
        try:
            looked = self._look(command, options)
            check_deps(self._workspace, command, looked.missing_deps)
        except (Unreadable, MissingDep):
            return None
        return looked

    def _ask(self, command: Command) -> None:
        question = put_env(command.confirm or "", self._workspace.shown_env)
        if question and not self._confirm(command.name, question):
            raise ProjError(f"`{command.name}` was not confirmed")

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds) > Level.RUN:
            raise _Stopped

    def _look(self, command: Command, options: StepOptions) -> Look:
        return look(self._workspace, command, args=options.args, force=options.force, needed=options.needed)

    def _up_to_date(self, command: Command, looked: Look) -> Result:
        """Nothing to run; an entry of Weasel's that was verified just now gets a record of its own."""
        records = self._workspace.records
        if looked.last is not None and looked.last.run == 0:
            self._keep_manifests(looked.last)
            records.add(self._with_weasel_digests(replace(looked.last, run=records.next_id())))
        self._report(events.StepUpToDate(command.name))
        return Result(command.name, State.UP_TO_DATE)

    def _keep_manifests(self, record: Record) -> None:
        """Keep what the directories of a record hold, so that a later reason can say what changed in them."""
        digests = self._workspace.digests
        for path, digest in record.fingerprint.deps:
            if digest is not None and is_tree(digest):
                digests.keep_manifest(path, "dep", digest)
        for made in record.made:
            if is_tree(made.digest):
                digests.keep_manifest(made.path, "output", made.digest)

    def _made_by_others(self, command: Command) -> tuple[list[str], list[str]]:
        """(what other steps may read meanwhile, what they may not) of the deps that some command makes, with all that
        is made inside them: who writes there holds only that. Where it is too much, the dep is held alone.
        """
        reads, alone = [], []
        for dep in command.deps:
            outputs = self._workspace.makers.outputs_for(dep)
            if len(outputs) > _MOST_HELD:
                alone.append(dep_base(dep))
            elif outputs:
                reads += [dep_base(dep), *outputs]
        return reads, alone

    # -- running ----------------------------------------------------------------------------------------------------

    def _execute(self, command: Command, options: StepOptions, looked: Look, descriptors: tuple[int, ...]) -> Result:
        if self._stop.level > Level.RUN:
            return Result(command.name, State.BLOCKED)
        self._check_places(command, mend=any(reason.why is Why.INTERRUPTED for reason in looked.reasons))
        job = make_job(self._workspace, command, args=options.args, stdin=options.stdin, keep_open=descriptors)
        self._make_directories()
        self._facts.begin()
        records = self._workspace.records
        stamps = {path: self._workspace.digests.stamp(path) for path, _ in _inputs(command, looked.now)}
        run = records.start(command.name, looked.now.key, [str(reason) for reason in looked.reasons])
        begun, wall = time.monotonic(), time.time()
        with LogWriter(log_path(self._workspace.state, command.name, run)) as log:
            output = self._output(command.name, log, logged_lines(command, job, options.args))
            for attempt in range(1, command.retries + 2):
                self._report(events.StepStarted(command.name, looked.reasons, attempt, log.path))
                self._workspace.digests.forget()
                outcome = self._executor.run(job, output=output, stop=self._stop)
                if outcome.succeeded or outcome.ended is Ended.INTERRUPTED:
                    break
        self._workspace.digests.forget()
        seconds = time.monotonic() - begun
        if not outcome.succeeded:
            return self._not_succeeded(command, run, outcome, seconds)
        try:
            record = self._record(command, options, looked, stamps, run)
        except ProjError as error:
            records.end(command.name, run, "failed", seconds=round(seconds, 3), message=error.message)
            raise
        if record is None:
            return self._inputs_changed(command, run, seconds)
        facts = {"started": _iso(wall), "seconds": round(seconds, 3), "reasons": [str(r) for r in looked.reasons]}
        records.add(replace(record, facts={**facts, **self._facts.gathered()}))
        self._report(events.StepDone(command.name, seconds))
        return Result(command.name, State.RAN, seconds)

    def _output(self, step: str, log: LogWriter, kept: Mapping[bytes, bytes]) -> Callable[[bytes], None]:
        def pass_on(data: bytes) -> None:
            log.write(kept.get(data, data))
            self._report(events.StepOutput(step, data))

        return pass_on

    def _check_places(self, command: Command, *, mend: bool) -> None:
        for output in command.made:
            self._workspace.check_inside(output, "output")
            if mend:
                recover(self._workspace.root / output)

    def _make_directories(self) -> None:
        for directory in self._workspace.project.directories:
            self._workspace.check_inside(directory, "directory")
            with writing(f"directory `{directory}`"):
                (self._workspace.root / directory).mkdir(parents=True, exist_ok=True)

    def _not_succeeded(self, command: Command, run: int, outcome: Outcome, seconds: float) -> Result:
        interrupted = outcome.ended is Ended.INTERRUPTED
        self._workspace.records.end(
            command.name,
            run,
            "interrupted" if interrupted else "failed",
            exit_code=outcome.exit_code,
            seconds=round(seconds, 3),
        )
        message, hint = _told(command, outcome)
        self._report(events.StepFailed(command.name, seconds, outcome.exit_code, message, hint))
        state = State.INTERRUPTED if interrupted else State.FAILED
        return Result(command.name, state, seconds, outcome.exit_code)

    def _inputs_changed(self, command: Command, run: int, seconds: float) -> Result:
        self._workspace.records.end(command.name, run, "inputs changed", seconds=round(seconds, 3))
        self._report(events.StepDone(command.name, seconds, not_recorded="inputs changed while it ran"))
        return Result(command.name, State.NOT_RECORDED, seconds)

    # -- recording --------------------------------------------------------------------------------------------------

    def _record(
        self, command: Command, options: StepOptions, looked: Look, stamps: Mapping[str, Stamp], run: int
    ) -> Record | None:
        """The record of a run that just succeeded; None if its inputs changed meanwhile, if only for a moment."""
        digests = self._workspace.digests
        outputs = [self._made(command, path) for path in command.outputs]
        no_cache = [self._made(command, path) for path in command.outputs_no_cache]
        after = fingerprint(command, self._workspace.env, digests.of_dep, args=options.args)
        if _inputs(command, looked.now) != _inputs(command, after):
            return None
        if not all(stamp.is_of(digests.stamp(path)) for path, stamp in stamps.items()):
            return None
        for path, digest in after.deps:
            if digest is not None and is_tree(digest):
                digests.keep_manifest(path, "dep", digest)
        sizes = {path: found.size for path, _ in after.deps if (found := digests.of(path, "dep"))}
        record = Record(
            run=run,
            command=command.name,
            fingerprint=after,
            outputs=tuple(outputs),
            outputs_no_cache=tuple(no_cache),
            algorithm=self._workspace.project.digest,
            dep_sizes=sizes,
        )
        return self._with_weasel_digests(record)

    def _made(self, command: Command, path: str) -> Made:
        """What lies at an output now. Raises ProjError if it is missing, or holds a link out of the project."""
        found = self._workspace.digests.of(path, "output")
        if found is None and path in command.outputs:
            raise ProjError(
                f"`{command.name}` ended without an error, but did not make its output `{path}`",
                hint="correct the script or the path; what may be missing belongs into `outputs_no_cache`",
            )
        if found is None:
            return Made(path, ABSENT)
        if is_tree(found.digest):
            self._check_links(path)
            self._workspace.digests.keep_manifest(path, "output", found.digest)
        return Made(path, found.digest, found.size, found.files)

    def _check_links(self, output: str) -> None:
        for name, target in self._workspace.digests.links(output):
            place = os.path.dirname(os.path.join(output, name))
            led = os.path.normpath(os.path.join(place, target))
            if os.path.isabs(target) or led == ".." or led.startswith("../"):
                raise UnsafePath(
                    f"output `{output}` holds a link that leads out of the project: `{name}` → `{target}`",
                    hint="copy what it leads to, or make the link relative and inside the project",
                )

    def _with_weasel_digests(self, record: Record) -> Record:
        if not self._workspace.project.compat:
            return record
        return replace(record, weasel=weasel.digests_of(self._workspace.root, record))


def _inputs(command: Command, then: Fingerprint) -> list[tuple[str, str | None]]:
    """The deps that the script only reads: those that it makes itself are recorded as they are afterwards."""
    return [(path, digest) for path, digest in then.deps if not any(overlap(path, made) for made in command.made)]


def _told(command: Command, outcome: Outcome) -> tuple[str, str | None]:
    line = f", line {outcome.line + 1}" if outcome.line is not None and len(command.script) > 1 else ""
    if outcome.ended is Ended.NOT_STARTED:
        return f"`{command.name}`{line}: {outcome.message}", None
    if outcome.ended is Ended.TIMED_OUT:
        return f"`{command.name}`{line} was ended after its timeout of {command.timeout:g} s", None
    if outcome.ended is Ended.INTERRUPTED:
        return f"`{command.name}`{line} was interrupted", None
    if outcome.ended is Ended.SIGNALLED:
        return f"`{command.name}`{line} was killed by signal {outcome.exit_code - 128}", None
    return f"`{command.name}`{line} failed with exit code {outcome.exit_code}", None


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

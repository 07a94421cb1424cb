"""pull: restores, per command, all outputs of one published run that matches it, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from weaselish.engine import events
from weaselish.engine.output_locks import hold_output_locks
from weaselish.engine.remote.candidates import Candidate, Candidates, algorithms, current_fingerprint, own_records
from weaselish.engine.remote.download import BadObject, NotPulled
from weaselish.engine.remote.other_run import other_run
from weaselish.engine.remote.resolve import OpenStore, selected_commands
from weaselish.engine.remote.restore import Replaces, Restorer
from weaselish.engine.remote.transfer import transfer
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.planning import plan_for
from weaselish.engine.run.staleness import check_staleness
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers
from weaselish.engine.write_paths import check_output_path
from weaselish.errors import InvalidProject, ProjError, StoreError
from weaselish.files.swap import recover_all
from weaselish.model.paths import is_outside
from weaselish.model.project import Command, Remote
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.plan.run_ids import find_run
from weaselish.plan.schedule import Schedule
from weaselish.plan.selection import Selection
from weaselish.plan.sequence import Cycle
from weaselish.workspace import Workspace

T = TypeVar("T")

_AT_ONCE = 8  # commands in parallel, each of which may hold many locks
_GRACE = 0.5  # seconds to unwind after Ctrl-C; more than a download gets
_HARMLESS = {ReasonKind.NO_SKIP, ReasonKind.FORCED}


@dataclass(frozen=True, slots=True)
class PullOptions:
    commands: tuple[str, ...] = ()  # only these; all if empty
    dry: bool = False
    force: bool = False  # also replace what exists only locally
    jobs: int = 4
    run: str | None = None  # the id of the only run to pull, or the end of it
    deps: bool = False  # not the outputs of `commands`, but what they read


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did for one command. `restored`: outputs that it downloaded or, in a dry run, would download."""

    command: str
    refused: str | None = None
    hint: str | None = None
    is_error: bool = False
    restored: tuple[str, ...] = ()
    already_here: bool = False
    notes: tuple[str, ...] = ()


def pull(
    workspace: Workspace, remote: Remote, options: PullOptions, *, open_store: OpenStore, report: events.Reporter
) -> tuple[Pulled, ...]:
    """Restore the outputs of the selected commands. Raises StoreError if the remote cannot be used at all."""
    options = replace(options, commands=selected_commands(workspace, options.commands))

    def work(tree: RemoteTree, serial: SerialReporter) -> tuple[Pulled, ...]:
        return _Pull(workspace, tree, options, serial).run()

    grace = 1.5 * _GRACE
    return transfer(workspace, remote, work, dry=options.dry, open_store=open_store, report=report, grace=grace)


class _Pull:
    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PullOptions, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._candidates = Candidates(workspace, tree)
        self._run: Record | None = None  # the only run to pull
        self._expected: dict[str, str] = {}  # in a dry run: outputs that would have been restored -> digests
        self._restorer = Restorer(
            workspace,
            tree,
            jobs=options.jobs,
            replaces=Replaces.ANYTHING if options.force else Replaces.STORED,
            report=report,
        )

    def run(self) -> tuple[Pulled, ...]:
        if self._options.run is not None:
            self._select_run(self._options.run)
        plan = self._plan()
        if self._options.deps:
            self._options = replace(self._options, commands=self._producers(plan))
            if not self._options.commands:
                return ()
        if not self._options.commands:
            self._tree.list_at_once()
        try:
            results = self._results(plan)
        finally:
            self._restorer.close()
        return tuple(results[step] for step in plan.steps if step in results)

    def _select_run(self, text: str) -> None:
        """Pull only the run with this id, for its command. Raises UnknownRun and UnknownName."""
        published = [run.record for _, run in self._tree.all_published()]
        wanted = find_run(text, sorted(record.run for record in published))
        self._run = next(record for record in published if record.run == wanted)
        commands = selected_commands(self._workspace, [self._run.command])
        self._options = replace(self._options, commands=commands)

    def _producers(self, plan: Plan) -> tuple[str, ...]:
        """Return the commands whose outputs the selected ones read."""
        readers = [step for step in plan.steps if step.command in self._options.commands]
        return tuple(dict.fromkeys(producer.command for step in readers for producer in plan.producers[step]))

    def _plan(self) -> Plan:
        names = list(self._workspace.project.commands)
        try:
            return plan_for(self._workspace, names, lenient=True)
        except Cycle:
            return plan_for(self._workspace, names, Selection(only=True))

    def _results(self, plan: Plan) -> dict[str, Pulled]:
        """Return the result per selected command.

        Outputs already present are settled in this thread; the rest are pulled in parallel.
        """
        schedule = Schedule(plan)
        results: dict[str, Pulled] = {}
        most = max(1, min(self._options.jobs, _AT_ONCE))
        with Workers[Pulled](most, self._workspace.cancel, grace=_GRACE) as workers:
            while True:
                while workers.running < most and (step := schedule.start()) is not None:
                    command = plan.command(step)
                    if not self._is_selected(command):
                        schedule.finish(step)
                        continue
                    version = self._workspace.records.version  # before the check: other threads read on
                    result = self._attempt(command, self._if_local)
                    if result is None:
                        pull_one = partial(self._pull, version=version)
                        workers.start(partial(self._attempt, command, pull_one))
                    else:
                        results[step] = result
                        schedule.finish(step)
                if not workers.running:
                    return results
                result = workers.wait()
                results[result.command] = result
                schedule.finish(result.command)

    def _is_selected(self, command: Command) -> bool:
        return self._is_named(command.name) or (bool(command.outputs) and not self._options.commands)

    def _is_named(self, name: str) -> bool:
        return name in self._options.commands

    def _attempt(self, command: Command, act: Callable[[Command], T]) -> T | Pulled:
        """Call `act`, and turn an error that concerns only this command into its result."""
        self._workspace.cancel.check()
        try:
            return act(command)
        except NotPulled as refusal:
            is_error = refusal.is_error or self._is_named(command.name)
            return Pulled(command.name, refusal.why, refusal.hint, is_error)
        except StoreError:
            raise
        except InvalidProject as error:
            return Pulled(command.name, error.message, is_error=self._is_named(command.name))
        except ProjError as error:
            return Pulled(command.name, error.message, error.hint, is_error=True)

    def _if_local(self, command: Command) -> Pulled | None:
        """Return the result of a command whose outputs are present and up to date."""
        self._report(events.Preparing(f"checking `{command.name}`"))
        if not command.outputs:
            raise NotPulled("it has no outputs that could be pulled")
        if self._is_local(command):
            return Pulled(command.name, already_here=True)
        if not command.pushed_outputs:
            raise NotPulled("its outputs are outside the project, and never pulled")
        return None

    def _is_local(self, command: Command) -> bool:
        run = self._run
        if run is not None and all(own.run != run.run for own in own_records(self._workspace, command)):
            return False
        staleness = check_staleness(self._workspace, command)
        return all(reason.kind in _HARMLESS for reason in staleness.reasons)

    def _pull(self, command: Command, *, version: int) -> Pulled:
        """Restore the first good candidate. `version`: of the records, before the command was checked."""
        refusal: NotPulled | None = None
        for candidate in self._all_candidates(command):
            try:
                self._check_outside(candidate.record)
                return self._restore(command, candidate, version)
            except BadObject as error:
                self._report(events.Note(f"`{command.name}`: {error.why}"))
                refusal = refusal or error
            except _OutsideDiffers as error:
                refusal = refusal or error
        raise refusal or self._why_none(command)

    def _all_candidates(self, command: Command) -> Iterator[Candidate]:
        for algorithm in algorithms(self._workspace, self._tree, command):
            now = current_fingerprint(self._workspace, command, self._expected, algorithm)
            if not self._missing(now):
                candidates = self._candidates.of(command, now, algorithm)
                yield from (one for one in candidates if self._run is None or self._run.run == one.record.run)

    def _missing(self, now: Fingerprint) -> list[str]:
        return [path for path, digest in now.deps if digest is None and path not in self._expected]

    def _why_none(self, command: Command) -> NotPulled:
        now = current_fingerprint(self._workspace, command, self._expected, self._workspace.project.digest)
        missing = self._missing(now)
        if missing:
            return NotPulled(f"dep missing locally and in the lock: {', '.join(missing)}")
        if self._run is not None:
            return other_run(self._workspace, command, now, self._run)
        return NotPulled(self._candidates.why_none(command, now, self._expected))

    def _check_outside(self, record: Record) -> None:
        """Refuse a run whose outputs outside the project are not present: proj never writes those."""
        digests = self._workspace.digests_with(record.algorithm)
        for output in record.outputs:
            if is_outside(output.path) and digests.digest(output.path, "output") != output.digest:
                raise _OutsideDiffers(
                    f"`{output.path}` is outside the project, and not what the run on the remote produced",
                    hint=f"run it: `proj run {record.command}`",
                )

    def _restore(self, command: Command, candidate: Candidate, version: int) -> Pulled:
        """Download what is missing, verify it, swap it in, and record the run. Raises NotPulled."""
        record = candidate.record
        notes: tuple[str, ...] = ()
        if candidate.rivals > 1 and self._run is None:
            notes = (f"{candidate.rivals} runs match: restored {record.run}",)
        if self._options.dry:
            self._expected |= {output.path: output.digest for output in record.outputs}
            paths = tuple(wanted.path for wanted in self._restorer.missing(candidate.objects))
            return Pulled(command.name, restored=paths, notes=notes)
        workspace = self._workspace
        with hold_output_locks(workspace, command, self._report):
            if not self._is_unchanged_since(version, command):
                workspace.digests.forget()
                if self._is_local(command):
                    return Pulled(command.name, already_here=True)
            missing = self._restorer.missing(candidate.objects)
            size, more = self._restorer.restore(command, record, missing)
        restored = tuple(wanted.path for wanted in missing)
        self._report(events.CommandPulled(command.name, restored, size))
        return Pulled(command.name, restored=restored, already_here=not restored, notes=notes + more)

    def _is_unchanged_since(self, version: int, command: Command) -> bool:
        """Prepare the outputs for being replaced. Return whether no other process or thread recorded a run since."""
        workspace = self._workspace
        workspace.records.refresh()
        for output in command.pushed_outputs:
            check_output_path(workspace, output, force=self._options.force)
        if recover_all([workspace.root / output for output in command.pushed_outputs]):
            workspace.digests.forget()
        return workspace.records.version == version


class _OutsideDiffers(NotPulled):
    """An output outside the project is not what the run produced. Another run may fit."""

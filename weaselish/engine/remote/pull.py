"""pull: outputs of one recorded run, verified aside and swapped in whole, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TypeVar

from weaselish.engine import events
from weaselish.engine.events import SerialReporter
from weaselish.engine.remote.candidates import Candidates, Wanted, current_fingerprint
from weaselish.engine.remote.restore import BadObject, NotPulled, Restorer
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.workers import Workers
from weaselish.engine.run.planning import plan_for
from weaselish.engine.run.staleness import check_staleness
from weaselish.errors import ProjError, StoreError
from weaselish.files.swap import recover_all
from weaselish.locks.step_locks import hold_locks
from weaselish.model.project import Command
from weaselish.plan.graph import Cycle, Plan
from weaselish.plan.record import Record
from weaselish.plan.schedule import Schedule
from weaselish.workspace import Workspace

T = TypeVar("T")

_TOGETHER = 8  # commands, each of which may hold many locks


@dataclass(frozen=True, slots=True)
class PullOptions:
    commands: tuple[str, ...] = ()  # only these; all if empty
    dry: bool = False
    force: bool = False  # replace also what exists only here
    jobs: int = 4


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of one command. `restored`: outputs that were downloaded (or, in a dry run, would be)."""

    command: str
    refused: str | None = None
    hint: str | None = None
    is_error: bool = False
    restored: tuple[str, ...] = ()
    already_here: bool = False
    notes: tuple[str, ...] = ()


def pull(
    workspace: Workspace, tree: RemoteTree, options: PullOptions, *, report: events.Reporter
) -> tuple[Pulled, ...]:
    """Restore the outputs of every command as it stands. Raises StoreError if the remote cannot be used at all."""
    return _Pull(workspace, tree, options, SerialReporter(report)).run()


class _Pull:
    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PullOptions, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._candidates = Candidates(workspace, tree)
        self._coming: dict[str, str] = {}  # in a dry run: what would have been restored
        self._stopped = Event()  # what is on its way is given up
        self._restorer = Restorer(
            workspace, tree, jobs=options.jobs, force=options.force, stopped=self._stopped, report=report
        )

    def run(self) -> tuple[Pulled, ...]:
        if not self._options.dry:
            self._workspace.prepare_to_change()
        if not self._options.commands:
            self._tree.list_at_once()
        plan = self._plan()
        try:
            results = self._results(plan)
        finally:
            self._restorer.close()
            if not self._options.dry:
                self._workspace.records.close()
            self._workspace.save()
            self._tree.save()
        return tuple(results[step] for step in plan.steps if step in results)

    def _plan(self) -> Plan:
        names = list(self._workspace.project.commands)
        try:
            return plan_for(self._workspace, names, lenient=True)
        except Cycle:
            return plan_for(self._workspace, names, only=True)

    def _results(self, plan: Plan) -> dict[str, Pulled]:
        """Of each command that is meant. What is here is seen at once; what is not comes with others at a time."""
        schedule = Schedule(plan)
        results: dict[str, Pulled] = {}
        coming: set[Future[Pulled]] = set()
        most = max(1, min(self._options.jobs, _TOGETHER))
        with Workers(most, self._stopped) as workers:
            while True:
                while len(coming) < most and (step := schedule.start()) is not None:
                    command = plan.command(step)
                    if not self._is_meant(command):
                        schedule.finish(step)
                        continue
                    version = self._workspace.records.version  # before the look: other threads read on meanwhile
                    result = self._tried(command, self._if_here)
                    if result is None:
                        coming.add(workers.submit(self._tried, command, partial(self._pull, version=version)))
                    else:
                        results[step] = result
                        schedule.finish(step)
                if not coming:
                    return results
                ended, coming = wait(coming, return_when=FIRST_COMPLETED)
                for future in ended:
                    result = future.result()
                    results[result.command] = result
                    schedule.finish(result.command)

    def _is_meant(self, command: Command) -> bool:
        return self._named(command.name) or (bool(command.outputs) and not self._options.commands)

    def _named(self, name: str) -> bool:
        return name in self._options.commands

    def _tried(self, command: Command, act: Callable[[Command], T]) -> T | Pulled:
        try:
            return act(command)
        except NotPulled as refusal:
            return Pulled(command.name, refusal.why, is_error=refusal.is_error or self._named(command.name))
        except StoreError:
            raise
        except ProjError as error:
            return Pulled(command.name, error.message, error.hint, is_error=True)

    def _if_here(self, command: Command) -> Pulled | None:
        if not command.outputs:
            raise NotPulled("it has no outputs that could be pulled")
        return Pulled(command.name, already_here=True) if self._is_here(command) else None

    def _pull(self, command: Command, *, version: int) -> Pulled:
        """`version`: of what was known of runs before the command was looked at."""
        now = current_fingerprint(self._workspace, command, self._coming)
        missing = [path for path, digest in now.deps if digest is None]
        if missing:
            raise NotPulled(f"dep missing, here and in the lock: {', '.join(missing)}")
        candidates = self._candidates.of(command, now)
        bad: list[BadObject] = []
        for record, wanted in candidates:
            try:
                return self._restore(command, record, wanted, len(candidates), version)
            except BadObject as error:
                self._report(events.Note(f"`{command.name}`: {error.why}"))
                bad.append(error)
        if bad:
            raise bad[0]
        raise NotPulled(self._candidates.nothing_there(command, now, self._coming))

    def _is_here(self, command: Command) -> bool:
        looked = check_staleness(self._workspace, command)
        return not [reason for reason in looked.reasons if reason.kind.value not in ("no_skip", "forced")]

    def _restore(self, command: Command, record: Record, wanted: Sequence[Wanted], rivals: int, version: int) -> Pulled:
        """Download what is not here, verify it, swap it in, and record it. Raises NotPulled."""
        notes: tuple[str, ...] = (f"{rivals} runs fit: taken is {record.run}",) if rivals > 1 else ()
        if self._options.dry:
            self._coming |= {made.path: made.digest for made in record.outputs}
            return Pulled(command.name, restored=tuple(one.path for one in self._restorer.missing(wanted)), notes=notes)
        workspace = self._workspace
        with hold_locks(
            workspace.state / "locks",
            command.name,
            writes=command.all_outputs,
            reads=(),
            on_wait=lambda holder: self._report(events.StepWaiting(command.name, holder)),
        ):
            workspace.records.refresh()
            for output in command.outputs:
                workspace.check_inside(output, "output")
            if recover_all([workspace.root / output for output in command.outputs]):
                workspace.digests.forget()
            if workspace.records.version != version:  # another process was at it, or another thread
                workspace.digests.forget()
                if self._is_here(command):
                    return Pulled(command.name, already_here=True)
            missing = self._restorer.missing(wanted)
            size, more = self._restorer.restore(command, record, missing)
        restored = tuple(one.path for one in missing)
        self._report(events.CommandPulled(command.name, restored, size))
        return Pulled(command.name, restored=restored, already_here=not restored, notes=notes + more)

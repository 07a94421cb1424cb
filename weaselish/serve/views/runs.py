"""Past runs as pages and JSON show them: a list, and one run with its log, its timeline and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weaselish.errors import UnknownName
from weaselish.plan.digests import ABSENT
from weaselish.plan.record import NO_REPOSITORY, Record
from weaselish.records.history import PastResult, PastRun
from weaselish.serve.views.lineage import Ancestor, ancestors
from weaselish.serve.views.logs import LogEnd, end_of_log
from weaselish.serve.views.sources import Source

PAGE = 100  # runs of one page
_BARS = 200  # of a timeline
_RECORDED = frozenset(
    one.value for one in (PastResult.DONE, PastResult.ACCEPTED, PastResult.PULLED, PastResult.RESTORED)
)


@dataclass(frozen=True, slots=True)
class RunItem:
    """One run of a step. `started` in seconds since 1970. `call` names the call of `proj` that it belongs to."""

    run: int
    command: str
    started: float
    result: str
    seconds: float | None
    exit_code: int | None
    reasons: tuple[str, ...]
    message: str | None
    call: str
    host: str | None
    user: str | None

    @property
    def short_id(self) -> str:
        """The last digits of the run id, which `proj log` accepts."""
        return str(self.run)[-6:]

    @property
    def is_recorded(self) -> bool:
        """Whether it left a record, to compare with others."""
        return self.result in _RECORDED


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, the newest first. `next_before` continues the list, None at its end."""

    runs: tuple[RunItem, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class File:
    """A dep or output of a run. `digest` is None if it was missing."""

    path: str
    digest: str | None
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a run took place. None stands for what is not known."""

    executor: str | None = None
    tool: str | None = None
    system: str | None = None
    python: str | None = None
    cpus: int | None = None
    commit: str | None = None
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a timeline. `offset` in seconds since the first step began; `seconds` is None while it runs."""

    run: RunItem
    offset: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. Without a record, script, files and metrics are empty."""

    run: RunItem
    provenance: Provenance
    script: tuple[str, ...]
    deps: tuple[File, ...]
    outputs: tuple[File, ...]
    env: tuple[str, ...]  # names of variables
    metrics: dict[str, dict[str, bool | int | float | str]]
    timeline: tuple[Bar, ...]  # of the first steps of the call, and of this run
    timeline_steps: int  # of the whole call
    timeline_seconds: float
    ancestors: tuple[Ancestor, ...]
    previous: RunItem | None  # of the same step
    next: RunItem | None
    log: LogEnd | None
    key: str | None
    is_in_project: bool  # whether project.yml still has the command


def item_of(run: PastRun) -> RunItem:
    """Return a run without its record."""
    return RunItem(
        run.run,
        run.command,
        run.started,
        run.result.value,
        run.seconds,
        run.exit_code,
        run.reasons,
        run.message,
        run.call,
        run.process.host if run.process else None,
        run.process.user if run.process else None,
    )


def list_runs(source: Source, *, command: str | None = None, before: int | None = None, most: int = PAGE) -> RunList:
    """Return the newest runs, or those before a run."""
    found = source.history.newest(command=command, before=before, most=most + 1)
    return RunList(tuple(map(item_of, found[:most])), found[most - 1].run if len(found) > most else None)


def find_run(source: Source, run: int, command: str | None = None) -> PastRun:
    """Return a run with its record. Raises UnknownName."""
    found = [one for one in source.history.find(run) if command is None or one.command == command]
    if not found:
        raise UnknownName("run", str(run), ())
    return found[0]


def show_run(source: Source, run: int, command: str | None = None) -> RunView:
    """Return everything about a run. Raises UnknownName."""
    found = find_run(source, run, command)
    record = found.record
    call = source.history.of_call(found.call, most=_BARS)
    newer = source.history.next_of(found.command, run)
    older = source.history.newest(command=found.command, before=run, most=1)
    return RunView(
        item_of(found),
        _provenance(record),
        _script(source, record),
        tuple(File(path, digest, record.dep_sizes.get(path)) for path, digest in record.fingerprint.deps)
        if record
        else (),
        _outputs(record),
        tuple(name for name, _ in record.fingerprint.env) if record else (),
        {path: dict(values) for path, values in found.metrics.items()},
        _timeline(call.runs, found),
        call.steps or 1,
        call.seconds if call.steps else found.seconds or 0.0,
        ancestors(source, record) if record else (),
        item_of(older[0]) if older else None,
        item_of(newer) if newer else None,
        end_of_log(found.log, source.mask) if found.log else None,
        record.fingerprint.key if record else None,
        _is_in_project(source, found.command),
    )


def _timeline(first: Sequence[PastRun], shown: PastRun) -> tuple[Bar, ...]:
    """Return a bar for each of the first runs of a call, and for the shown one if it began later."""
    is_among = any((run.run, run.command) == (shown.run, shown.command) for run in first)
    runs = first if is_among else (*first, shown)
    began = min(run.started for run in runs)
    return tuple(Bar(item_of(run), max(0.0, run.started - began), run.seconds) for run in runs)


def _provenance(record: Record | None) -> Provenance:
    facts = record.provenance if record else None
    if facts is None:
        return Provenance()
    git = None if facts.git == NO_REPOSITORY else facts.git
    host = facts.host
    return Provenance(
        facts.executor,
        facts.tool,
        host.system if host else None,
        host.python if host else None,
        host.cpus if host else None,
        git.commit if git else None,
        git.dirty if git else False,
    )


def _script(source: Source, record: Record | None) -> tuple[str, ...]:
    if record is None:
        return ()
    lines = (
        *record.fingerprint.script,
        *(f"arguments: {' '.join(args)}" for args in [record.fingerprint.args] if args),
    )
    return source.shown_script(record.command, lines)


def _outputs(record: Record | None) -> tuple[File, ...]:
    if record is None:
        return ()
    return tuple(
        File(output.path, None if output.digest == ABSENT else output.digest, output.size, output.files)
        for output in record.all_outputs
    )


def _is_in_project(source: Source, command: str) -> bool:
    model = source.model()
    return model is not None and command in model.commands

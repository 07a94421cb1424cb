"""Changes to the records of a command by hand: accept its current outputs, or forget its records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weaselish.engine import events
from weaselish.engine.broken_lock import report_broken_lock
from weaselish.engine.output_locks import hold_output_locks
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.run.metrics import read_metrics
from weaselish.engine.run.missing_deps import check_deps
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.engine.run.staleness import Staleness, check_staleness, output_content
from weaselish.errors import ProjError
from weaselish.model.paths import overlap
from weaselish.model.project import Command, ProjectModel
from weaselish.model.targets import listed_commands, recorded_commands
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.workspace import Workspace

_UNTRUSTED = (ReasonKind.INTERRUPTED, ReasonKind.INPUTS_CHANGED)  # the outputs may be incomplete


class Acceptance(NamedTuple):
    """The result of accepting one command. Its `reasons` to run no longer count unless there is an `error`."""

    command: str
    reasons: tuple[Reason, ...] = ()
    outputs: tuple[RecordedOutput, ...] = ()
    error: ProjError | None = None


def acceptable(workspace: Workspace, *, report: events.Reporter) -> list[tuple[Command, tuple[Reason, ...]]]:
    """Return the commands whose outputs and deps all exist and that are out of date, with their reasons to run.

    Leave out those whose last attempt failed, was interrupted or had its inputs changed: name them to accept them.
    """
    workspace.observer = ReadingEvents(report)
    offered = []
    for command in workspace.project.commands.values():
        if command.outputs and all(workspace.exists(path) for path in command.outputs):
            staleness = check_staleness(workspace, command)
            reasons = _reasons(staleness)
            is_trusted = not any(reason.kind in _UNTRUSTED for reason in reasons)
            attempt = workspace.records.last_attempt(command.name)
            has_failed = attempt is not None and attempt.has_failed
            if reasons and is_trusted and not has_failed and not _missing_deps(command, staleness):
                offered.append((command, reasons))
    return offered


def named_for_accept(project: ProjectModel, targets: Sequence[str]) -> list[Command]:
    """Return the commands to accept: those named, and of workflows those that have outputs. Raises UnknownName."""
    named = {name for target in targets if target not in project.workflows for name in project.named(target)}
    commands = [project.commands[name] for name in dict.fromkeys(listed_commands(project, targets))]
    return [command for command in commands if command.all_outputs or command.name in named]


def accept(workspace: Workspace, commands: Iterable[Command], *, report: events.Reporter) -> list[Acceptance]:
    """Record the current outputs of commands as the result of a run, without running anything.

    A command that cannot be accepted does not keep the others from it. Waits for steps of other processes.
    """
    workspace.observer = ReadingEvents(report)
    workspace.prepare_to_change()
    report_broken_lock(workspace, report)
    source = ProvenanceSource(workspace.root)
    accepted = []
    try:
        for command in commands:
            try:
                accepted.append(_accept(workspace, command, source, report))
            except ProjError as error:
                accepted.append(Acceptance(command.name, error=error))
    finally:
        workspace.records.close()
        workspace.save()
    return accepted


def _accept(workspace: Workspace, command: Command, source: ProvenanceSource, report: events.Reporter) -> Acceptance:
    """Accept one command. Raises ProjError if it has no outputs, or if an output or a dep is missing."""
    if not command.all_outputs:
        raise ProjError(f"`{command.name}` has no outputs that could be accepted")
    with hold_output_locks(workspace, command, report):
        workspace.records.refresh()
        workspace.digests.forget()
        staleness = check_staleness(workspace, command)
        check_deps(workspace, command, staleness.missing_deps)
        outputs = tuple(_output(workspace, command, path) for path in command.outputs)
        no_cache = tuple(_output(workspace, command, path) for path in command.outputs_no_cache)
        reasons = _reasons(staleness)
        if reasons:
            record = Record(
                run=workspace.records.next_id(),
                command=command.name,
                fingerprint=staleness.now,
                outputs=outputs,
                outputs_no_cache=no_cache,
                algorithm=workspace.project.digest,
                origin=Origin.ACCEPTED,
                provenance=source.provenance(tuple(map(str, reasons))),
                metrics=read_metrics(workspace, command, report),
            )
            workspace.records.add(with_weasel_digests(workspace, record))
    return Acceptance(command.name, reasons, outputs + no_cache)


def _reasons(staleness: Staleness) -> tuple[Reason, ...]:
    return tuple(reason for reason in staleness.reasons if reason.kind is not ReasonKind.NO_SKIP)


def _missing_deps(command: Command, staleness: Staleness) -> bool:
    return any(not any(overlap(dep, path) for path in command.all_outputs) for dep in staleness.missing_deps)


def _output(workspace: Workspace, command: Command, path: str) -> RecordedOutput:
    """Return the current output. Raises ProjError if it is missing and required."""
    digested = output_content(workspace.digests, command, path)
    if digested is not None:
        if is_tree(digested.digest):
            workspace.digests.keep_manifest(path, "output", digested.digest)
        return RecordedOutput(path, digested.digest, digested.size, digested.files)
    if path in command.outputs:
        raise ProjError(
            f"`{command.name}` cannot be accepted: its output `{path}` does not exist",
            hint=f"put it into the project, or run the command: `proj run {command.name}`",
        )
    return RecordedOutput(path, ABSENT)


def reset(workspace: Workspace, targets: Sequence[str], *, report: events.Reporter) -> tuple[str, ...]:
    """Forget all records of commands: they count as never run. Their outputs stay. Return the commands."""
    recorded = workspace.records.commands
    commands = dict.fromkeys(
        name for target in targets for name in recorded_commands(workspace.project, target, recorded)
    )
    workspace.prepare_to_change()
    report_broken_lock(workspace, report)
    try:
        for command in commands:
            workspace.records.reset(command)
    finally:
        workspace.records.close()
    return tuple(commands)

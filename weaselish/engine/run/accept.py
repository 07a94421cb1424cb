"""Records made and unmade by hand: accept what lies there without running, or forget a command."""

from __future__ import annotations

from dataclasses import dataclass

from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.engine.run.staleness import check_deps, check_staleness
from weaselish.errors import ProjError
from weaselish.locks.step_locks import hold_locks
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted for a command: the reasons that count no more, and its outputs."""

    command: str
    reasons: tuple[Reason, ...]
    outputs: tuple[RecordedOutput, ...]


def accept(workspace: Workspace, command: Command) -> Accepted:
    """Record the outputs as they lie there as the result of the command as it is now, without running it.

    Raises ProjError if it has no outputs, if one is missing, or a dep is.
    """
    if not command.all_outputs:
        raise ProjError(f"`{command.name}` has no outputs that could be accepted")
    workspace.prepare_to_change()
    with hold_locks(
        workspace.state / "locks", command.name, writes=command.all_outputs, reads=(), on_wait=lambda holder: None
    ):
        workspace.records.refresh()
        workspace.digests.forget()
        looked = check_staleness(workspace, command)
        check_deps(workspace, command, looked.missing_deps)
        outputs = tuple(_made(workspace, command, path) for path in command.outputs)
        no_cache = tuple(_made(workspace, command, path) for path in command.outputs_no_cache)
        reasons = tuple(reason for reason in looked.reasons if reason.kind is not ReasonKind.NO_SKIP)
        if reasons:
            record = Record(
                run=workspace.records.next_id(),
                command=command.name,
                fingerprint=looked.now,
                outputs=outputs,
                outputs_no_cache=no_cache,
                algorithm=workspace.project.digest,
                origin=Origin.ACCEPTED,
                provenance=ProvenanceSource(workspace.root).provenance(tuple(map(str, reasons))),
            )
            workspace.records.add(with_weasel_digests(workspace, record))
    return Accepted(command.name, reasons, outputs + no_cache)


def _made(workspace: Workspace, command: Command, path: str) -> RecordedOutput:
    found = workspace.digests.of(path, "output")
    if found is not None:
        if is_tree(found.digest):
            workspace.digests.keep_manifest(path, "output", found.digest)
        return RecordedOutput(path, found.digest, found.size, found.files)
    if path in command.outputs:
        raise ProjError(
            f"`{command.name}` cannot be accepted: its output `{path}` is not there",
            hint=f"put it there, or run it: `proj run {command.name}`",
        )
    return RecordedOutput(path, ABSENT)


def reset(workspace: Workspace, command: str) -> None:
    """Forget all records of a command: it counts as never run. Its outputs stay."""
    workspace.prepare_to_change()
    workspace.records.reset(command)

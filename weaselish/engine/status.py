"""The status of each step: up to date, out of date, never ran, failed, …"""

from __future__ import annotations

import enum
from typing import NamedTuple

from weaselish.engine.run.planning import Preview
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.workspace import Workspace

_ALWAYS = {ReasonKind.NO_OUTPUTS, ReasonKind.NO_SKIP}


class Status(enum.Enum):
    UP_TO_DATE = "up to date"
    OUT_OF_DATE = "out of date"
    NEVER_RAN = "never ran"
    UNRECORDED = "unrecorded"  # all outputs exist, but no run of it is recorded
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    ALWAYS_RUNS = "always runs"
    UNKNOWN = "unknown"  # an input or output cannot be read


class StepStatus(NamedTuple):
    """`key` is that of the current command, `run` the id of its last recorded run."""

    step: str
    status: Status
    reasons: tuple[Reason, ...]
    key: str | None = None
    run: int | None = None
    failed_at: float | None = None  # seconds since 1970; of a failed step
    exit_code: int | None = None  # of a failed step
    must_run: bool = False  # other than because it, or a step that it depends on, always runs


def statuses(workspace: Workspace, previews: list[Preview]) -> list[StepStatus]:
    """Return the status of each previewed step, in order."""
    results: dict[str, StepStatus] = {}
    for preview in previews:
        status = _status(workspace, preview)
        must_run = any(_matters(reason, results) for reason in preview.reasons)
        attempt = workspace.records.last_attempt(preview.step.command) if status is Status.FAILED else None
        staleness = preview.staleness
        results[preview.step] = StepStatus(
            preview.step,
            status,
            preview.reasons,
            key=staleness.now.key if staleness else None,
            run=staleness.last.run if staleness and staleness.last else None,
            failed_at=attempt.run / 1e6 if attempt else None,
            exit_code=attempt.exit_code if attempt else None,
            must_run=must_run,
        )
    return list(results.values())


def _matters(reason: Reason, earlier: dict[str, StepStatus]) -> bool:
    """Return whether a reason is more than that the step, or one before it, always runs."""
    if reason.kind is ReasonKind.UPSTREAM_WILL_RUN and reason.subject in earlier:
        return earlier[reason.subject].must_run
    return reason.kind not in _ALWAYS


def _status(workspace: Workspace, preview: Preview) -> Status:
    kinds = {reason.kind for reason in preview.reasons}
    if preview.staleness is None:
        return Status.UNKNOWN
    if not kinds:
        return Status.UP_TO_DATE
    if ReasonKind.INTERRUPTED in kinds:
        return Status.INTERRUPTED
    attempt = workspace.records.last_attempt(preview.step.command)
    if attempt is not None and attempt.has_failed:
        return Status.FAILED
    if kinds <= {*_ALWAYS, ReasonKind.UPSTREAM_WILL_RUN} and kinds & _ALWAYS:
        return Status.ALWAYS_RUNS
    if ReasonKind.NEVER_RAN in kinds:
        outputs = workspace.project.commands[preview.step.command].outputs
        exist = bool(outputs) and all(workspace.exists(path) for path in outputs)
        return Status.UNRECORDED if exist else Status.NEVER_RAN
    return Status.OUT_OF_DATE

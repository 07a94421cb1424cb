"""What happens in a run, as it is told to whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weaselish.plan.fingerprint import Reason
from weaselish.plan.graph import Plan


@dataclass(frozen=True, slots=True)
class RunStarted:
    plan: Plan
    jobs: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the user should know and that stops nothing."""

    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class StepUpToDate:
    step: str


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """Another process holds what the step needs."""

    step: str
    holder: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    step: str
    reasons: tuple[Reason, ...]
    attempt: int = 1  # above 1: a retry
    log: Path | None = None  # where all that it writes is kept


@dataclass(frozen=True, slots=True)
class StepOutput:
    """A piece of what a step's script writes, as it comes; it may end within a line or a character."""

    step: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StepDone:
    step: str
    seconds: float
    not_recorded: str | None = None  # why the result, though there, counts for nothing


@dataclass(frozen=True, slots=True)
class StepFailed:
    step: str
    seconds: float
    exit_code: int
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class StepBlocked:
    """The step cannot run because one that it needs failed, or because the run was stopped."""

    step: str


@dataclass(frozen=True, slots=True)
class TransferStarted:
    """`size` is bytes of content; what travels is compressed."""

    verb: str  # push, pull, fetch
    objects: int
    size: int


@dataclass(frozen=True, slots=True)
class Transferred:
    """`size` bytes more of an object have passed."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class CommandPushed:
    command: str
    keys: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class CommandPulled:
    command: str
    outputs: tuple[str, ...]
    size: int


Event = (
    CommandPulled
    | CommandPushed
    | TransferStarted
    | Transferred
    | Note
    | RunStarted
    | StepBlocked
    | StepDone
    | StepFailed
    | StepOutput
    | StepStarted
    | StepUpToDate
    | StepWaiting
)


class Reporter(Protocol):
    """Receives the events of one run, in order, from whichever thread; two are never told at once."""

    def __call__(self, event: Event, /) -> None: ...

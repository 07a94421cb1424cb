"""What happens in a run or transfer: the events that a reporter receives, and how the steps of a run ended."""

from __future__ import annotations

import enum
import threading
from pathlib import Path
from typing import NamedTuple, Protocol

from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason


class StepState(enum.Enum):
    """How a step of a run ended."""

    UP_TO_DATE = "up to date"
    RAN = "ran"
    NOT_RECORDED = "not recorded"  # it ran, but its inputs changed while it did
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class StepResult(NamedTuple):
    step: str
    state: StepState
    seconds: float = 0.0
    exit_code: int = 0


class RunStarted(NamedTuple):
    plan: Plan
    jobs: int


class Note(NamedTuple):
    """Something that the user should know and that stops nothing."""

    message: str
    hint: str | None = None


class StepUpToDate(NamedTuple):
    step: str


class StepWaiting(NamedTuple):
    """Another process holds what the step needs."""

    step: str
    holder: str


class StepStarted(NamedTuple):
    step: str
    reasons: tuple[Reason, ...]
    attempt: int = 1  # above 1: a retry
    log: Path | None = None  # where all that it writes is kept


class StepOutput(NamedTuple):
    """A piece of what a step's script writes, as it comes; it may end within a line or a character."""

    step: str
    data: bytes


class StepDone(NamedTuple):
    step: str
    seconds: float
    not_recorded: str | None = None  # why the result, though there, counts for nothing


class StepFailed(NamedTuple):
    step: str
    seconds: float
    exit_code: int
    message: str
    hint: str | None = None


class StepBlocked(NamedTuple):
    """The step cannot run because one that it needs failed, or because the run was stopped."""

    step: str


class TransferStarted(NamedTuple):
    """`size` is bytes of content; what travels is compressed."""

    verb: str  # push, pull, fetch
    objects: int
    size: int


class Transferred(NamedTuple):
    """`size` bytes more of an object have passed."""

    key: str
    size: int


class CommandPushed(NamedTuple):
    command: str
    keys: tuple[str, ...]
    size: int


class CommandPulled(NamedTuple):
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
    """Receives the events of one run in order. Any thread may call it, but only one at a time."""

    def __call__(self, event: Event, /) -> None: ...


class SerialReporter:
    """Serialise events: the wrapped reporter is called by one thread at a time."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._lock = threading.Lock()

    def __call__(self, event: Event, /) -> None:
        with self._lock:
            self._report(event)

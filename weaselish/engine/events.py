"""What happens in a run or transfer: the events that a reporter receives, and how the steps of a run ended."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Protocol

from weaselish.engine.event_json import JsonObject, as_json
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason
from weaselish.plan.sequence import Step


class StepState(enum.Enum):
    """How a step of a run ended."""

    UP_TO_DATE = "up to date"
    UNRECORDED = "unrecorded"  # it did not run: its outputs exist, and no run of it is recorded
    RAN = "ran"
    RESTORED = "restored"  # from the run cache
    AVAILABLE = "available"  # its outputs are in the run cache, and no step that ran needed them
    NOT_RECORDED = "not recorded"  # it ran, but its inputs changed while it did
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class StepResult(NamedTuple):
    step: Step
    state: StepState
    seconds: float = 0.0
    exit_code: int = 0


# In every event, `at` is the time in seconds since 1970 at which SerialReporter passed it on. `run` is the id of the
# step's run; None if the step did not start.


class RunStarted(NamedTuple):
    """The run begins, with the steps of this plan. `jobs` is how many steps may run at a time."""

    plan: Plan
    jobs: int
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class RunFinished(NamedTuple):
    """The last event of a run. `results` holds one result per step, in the plan's order."""

    results: tuple[StepResult, ...]
    exit_code: int
    seconds: float
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class Note(NamedTuple):
    """A message to the user about something that does not stop the work."""

    message: str
    hint: str | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepUpToDate(NamedTuple):
    """The step did not run, because nothing changed."""

    step: Step
    run: int | None = None  # the run that recorded what is on disk
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepUnrecorded(NamedTuple):
    """The step did not run, because it would replace outputs that no recorded run wrote."""

    step: Step
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepRestored(NamedTuple):
    """The run cache held the step's result, which took `saved` seconds to compute. `size` is bytes of content."""

    step: Step
    size: int
    source: str  # the remote
    saved: float | None = None
    run: int | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepAvailable(NamedTuple):
    """The step is up to date, but its outputs are in the run cache only. They stay there until a step reads them."""

    step: Step
    source: str  # the remote
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepWaiting(NamedTuple):
    """Another process holds a lock that the step, pull or asset needs."""

    step: str
    holder: str
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepStarted(NamedTuple):
    """The script of a step begins. `attempt` above 1 is a retry. `log` is the file that keeps the step's output."""

    step: Step
    reasons: tuple[Reason, ...]
    attempt: int = 1  # above 1: a retry
    log: Path | None = None  # the file that keeps the step's output
    run: int | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepOutput(NamedTuple):
    """A piece of what a step's script wrote. It may end within a line or a character.

    If `data` announces a line of the script, `program` is the program that is executed.
    """

    step: Step
    data: bytes
    run: int | None = None
    program: str | None = None  # if `data` announces a line: the program that is executed
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepDone(NamedTuple):
    """The script succeeded and wrote all outputs. If the result was not recorded, `not_recorded` says why."""

    step: Step
    seconds: float
    not_recorded: str | None = None  # why the result was not recorded
    run: int | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepFailed(NamedTuple):
    """The script failed, or the step could not run. `message` says why."""

    step: Step
    seconds: float
    exit_code: int
    message: str
    hint: str | None = None
    run: int | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class StepBlocked(NamedTuple):
    """The run did not reach the step: a step that it needs failed, or the run ended before it."""

    step: Step
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class Unit(enum.Enum):
    """What the progress of an activity counts."""

    BYTES = "bytes"
    FILES = "files"
    STEPS = "steps"


class Preparing(NamedTuple):
    """Something takes time before a step or a transfer begins: "checking `train`", "hashing `data`".

    Where progress is known, `done` of `total` units are done, and the activity ends with `done` equal to `total`.
    """

    activity: str
    done: int | None = None
    total: int | None = None
    unit: Unit | None = None
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class TransferStarted(NamedTuple):
    """More objects will be transferred. `verb` is `push`, `pull`, `fetch` or `verify`.

    `size` counts bytes of content, before compression.
    """

    verb: str  # push, pull, fetch, verify
    objects: int
    size: int
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class Transferred(NamedTuple):
    """`size` more bytes of an object were transferred."""

    key: str
    size: int
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class CommandPushed(NamedTuple):
    """A push stored the outputs of a command, as the objects with these keys."""

    command: str
    keys: tuple[str, ...]
    size: int
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


class CommandPulled(NamedTuple):
    """A pull restored these outputs of a command."""

    command: str
    outputs: tuple[str, ...]
    size: int
    at: float = 0.0

    def to_json(self) -> JsonObject:
        return as_json(self)


Event = (
    CommandPulled
    | CommandPushed
    | TransferStarted
    | Transferred
    | Note
    | Preparing
    | RunFinished
    | RunStarted
    | StepAvailable
    | StepBlocked
    | StepDone
    | StepFailed
    | StepOutput
    | StepRestored
    | StepStarted
    | StepUnrecorded
    | StepUpToDate
    | StepWaiting
)


class Reporter(Protocol):
    """Receives the events of one run in order. Any thread may call it, but only one at a time."""

    def __call__(self, event: Event, /) -> None: ...

"""How the steps of a run ended."""

from __future__ import annotations

import enum
from typing import NamedTuple


class StepState(enum.Enum):
    """How a step of a run ended."""

    UP_TO_DATE = "up to date"
    RAN = "ran"
    NOT_RECORDED = "not recorded"  # it ran, but its inputs changed meanwhile
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class StepResult(NamedTuple):
    step: str
    state: StepState
    seconds: float = 0.0
    exit_code: int = 0

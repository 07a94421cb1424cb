"""How the steps of a run ended."""

from __future__ import annotations

import enum
from typing import NamedTuple


class State(enum.Enum):
    """How a step of a run ended."""

    UP_TO_DATE = "up to date"
    RAN = "ran"
    NOT_RECORDED = "not recorded"  # it ran, but its inputs changed meanwhile
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class Result(NamedTuple):
    step: str
    state: State
    seconds: float = 0.0
    exit_code: int = 0

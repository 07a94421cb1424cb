"""The lines of a journal: encoded as JSON and decoded into one type per event. docs/formats.md defines them."""

from __future__ import annotations

import enum
from typing import Any

from weaselish.files.strict_json import read_json
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.records.record_format import from_document, to_document
from weaselish.records.untrusted import (
    is_count,
    run_id,
    seconds_or_none,
    sentences_or_none,
    text,
    text_or_none,
    time_or_none,
)

FORMAT = 1


class AttemptEnd(enum.Enum):
    """How an attempt ended that left no record of its own."""

    FAILED = "failed"
    INTERRUPTED = "interrupted"
    INPUTS_CHANGED = "inputs changed"
    PULLED = "pulled"  # the record of the pull follows


class Began(NamedTuple):
    """The first line: which process writes the journal. `at` in microseconds since 1970."""

    pid: int
    host: str
    at: int
    user: str | None = None  # the account that runs the process


class Started(NamedTuple):
    """`at` in seconds since 1970."""

    run: int
    command: str
    key: str
    at: float
    reasons: tuple[str, ...] = ()


class Submitted(NamedTuple):
    """A job that outlives its process was handed to an executor. `handle` names it for every later process."""

    run: int
    command: str
    executor: str
    handle: str


class Recorded(NamedTuple):
    record: Record


class Ended(NamedTuple):
    run: int
    command: str
    how: AttemptEnd
    exit_code: int | None = None
    seconds: float | None = None
    message: str | None = None


class Reset(NamedTuple):
    """Everything older of the command counts for nothing."""

    run: int
    command: str


JournalLine = Began | Started | Submitted | Recorded | Ended | Reset


def encode(line: JournalLine) -> dict[str, Any]:
    """Return the line as a JSON object."""
    match line:
        case Began():
            facts = {name: value for name, value in line._asdict().items() if value is not None}
            return {"event": "began", "format": FORMAT, **facts}
        case Started():
            return {"event": "started", **line._asdict()}
        case Submitted():
            return {"event": "submitted", **line._asdict()}
        case Recorded():
            return {"event": "recorded", "record": to_document(line.record)}
        case Ended():
            facts = {name: value for name, value in line._asdict().items() if value is not None}
            return {"event": "ended", **facts, "how": line.how.value}
        case Reset():
            return {"event": "reset", **line._asdict()}


def decode(data: bytes) -> JournalLine | None:
    """Decode a line. Return None for an incomplete or foreign one, and for an event that only a later version knows."""
    try:
        line = read_json(data)
        return _decoded(line) if isinstance(line, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def _decoded(line: dict[str, Any]) -> JournalLine | None:
    match line.get("event"):
        case "began":
            return Began(run_id(line["pid"]), text(line["host"]), run_id(line["at"]), text_or_none(line.get("user")))
        case "started":
            run = run_id(line["run"])
            at = time_or_none(line.get("at"))
            reasons = sentences_or_none(line.get("reasons")) or ()
            return Started(run, text(line["command"]), text_or_none(line.get("key")) or "", at or run / 1e6, reasons)
        case "submitted":
            return Submitted(run_id(line["run"]), text(line["command"]), text(line["executor"]), text(line["handle"]))
        case "recorded":
            return Recorded(from_document(line["record"]))
        case "ended":
            return _ended(line)
        case "reset":
            return Reset(run_id(line["run"]), text(line["command"]))
        case _:
            return None


def _ended(line: dict[str, Any]) -> Ended:
    """Decode an end. An unknown one counts as an interruption: its result is not trusted."""
    how = next((end for end in AttemptEnd if end.value == line.get("how")), AttemptEnd.INTERRUPTED)
    exit_code = line.get("exit_code")
    return Ended(
        run_id(line["run"]),
        text(line["command"]),
        how,
        exit_code if is_count(exit_code) else None,
        seconds_or_none(line.get("seconds")),
        text_or_none(line.get("message")),
    )

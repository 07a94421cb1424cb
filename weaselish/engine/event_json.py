"""The JSON form of events and of the results in them."""

from __future__ import annotations

import enum
import re
from typing import Any, Protocol, runtime_checkable

from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason
from weaselish.plan.sequence import Step

JsonObject = dict[str, "JsonValue"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | JsonObject


@runtime_checkable
class _Fields(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


def as_json(event: _Fields) -> JsonObject:
    """Return the event as an object: its name under `event`, and each field that is not None."""
    return {"event": _name_of(type(event)), **_json_fields(event)}


def _name_of(event: type) -> str:
    """Return an event's name: `step up to date` for StepUpToDate."""
    return re.sub("(?<!^)(?=[A-Z])", " ", event.__name__).lower()


def _json_fields(row: _Fields) -> JsonObject:
    """Return the fields of an event or result. A step also gives its command."""
    fields: JsonObject = {}
    for name, value in row._asdict().items():
        if value is not None:
            fields[name] = _json_value(value)
        if isinstance(value, Step):
            fields["command"] = value.command
    return fields


def _json_value(value: object) -> JsonValue:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "replace")
        case Plan():
            return {"targets": list(value.targets), "steps": list(value.steps)}
        case enum.Enum():
            return str(value.value)
        case Reason():
            return str(value)
        case _Fields():
            return _json_fields(value)
        case tuple():
            return [_json_value(item) for item in value]
        case _:
            return str(value)

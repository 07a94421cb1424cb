"""Metrics: the values that a run wrote into its metrics files, with flat names, and the numbers among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

MetricValue = bool | int | float | str
Metrics = Mapping[str, Mapping[str, MetricValue]]  # file -> name -> value

MAX_EXACT = 1 << 53  # every reader of JSON holds smaller whole numbers exactly
MOST_VALUES = 1000  # of one file
LONGEST_TEXT = 200  # characters of a value or name
_DEEPEST = 100  # levels
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # JSON has no such numbers: they are kept as text


class BadMetrics(ValueError):
    """The content of a metrics file cannot be kept; the message says why."""


def flattened(data: object) -> dict[str, MetricValue]:
    """Return the values of a document by name: nested names joined by `.`, items of a list by their index.

    Leave out nulls and long texts. Raises BadMetrics for a document that is neither mapping nor list, is nested
    too deeply, has too many values, or has two with the same name.
    """
    if not isinstance(data, (dict, list)):
        raise BadMetrics("it must hold a mapping of names to values")
    values: dict[str, MetricValue] = {}
    for name, leaf in _leaves(data, "", _DEEPEST):
        value = _value(leaf)
        if value is None or len(name) > LONGEST_TEXT:
            continue
        if name in values:
            raise BadMetrics(f"two values are named `{name}`")
        if len(values) == MOST_VALUES:
            raise BadMetrics(f"it has more than {MOST_VALUES:,} values")
        values[name] = value
    return values


def _leaves(data: Any, prefix: str, levels: int) -> Iterator[tuple[str, object]]:
    if levels == 0:
        raise BadMetrics(f"it is nested deeper than {_DEEPEST} levels")
    for key, item in data.items() if isinstance(data, dict) else enumerate(data):
        name = f"{prefix}{_plain(str(key))}"
        if isinstance(item, (dict, list)):
            yield from _leaves(item, f"{name}.", levels - 1)
        else:
            yield name, item


def _value(leaf: object) -> MetricValue | None:
    import datetime  # most runs read no metrics

    match leaf:
        case bool():
            return leaf
        case int():
            return leaf if abs(leaf) < MAX_EXACT else _value(_as_float(leaf))
        case float():
            return leaf if math.isfinite(leaf) else str(leaf)
        case str():
            return _plain(leaf) if len(leaf) <= LONGEST_TEXT else None
        case datetime.date() | datetime.time():
            return leaf.isoformat()
        case _:
            return None


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _plain(text: str) -> str:
    """Return text that UTF-8 can hold: JSON may escape half of a character."""
    return text.encode("utf-8", "backslashreplace").decode()


def number_of(value: MetricValue | None) -> float | None:
    """Return the number that a value stands for, also if it is not finite; None for other texts."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    return None if value is None else float(value)


def shown_value(value: MetricValue | None) -> str:
    """Return a value for people: six digits of a number, nothing for a missing one."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)

"""Checks for values from records, journals and lock files: anything may have written them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeGuard

from weaselish.plan.fingerprint import DigestPairs
from weaselish.plan.metrics import LONGEST_TEXT, MAX_EXACT, MOST_VALUES, Metrics, MetricValue
from weaselish.plan.record import MAX_COUNT

_YEAR_9999 = 253_370_764_800  # in seconds since 1970
_DEEPEST = 8  # levels of an unknown value that is kept


def is_count(value: object) -> TypeGuard[int]:
    """Return whether the value is a number of bytes, files or microseconds within the bound."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def count(value: object) -> int | None:
    """Return a count or None as it is. Raises ValueError for anything else."""
    if value is None or is_count(value):
        return value
    raise ValueError("not a count")


def run_id(value: object) -> int:
    """Return a run id. Raises ValueError for anything else."""
    if is_count(value) and value > 0:
        return value
    raise ValueError("not a run id")


def seconds_or_none(value: object) -> float | None:
    """Return a duration in seconds, or None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < MAX_COUNT:
        return value
    return None


def time_or_none(value: object) -> float | None:
    """Return a time in seconds since 1970 that a calendar can show, or None for anything else."""
    seconds = seconds_or_none(value)
    return seconds if seconds is not None and seconds < _YEAR_9999 else None


def text(value: object) -> str:
    """Return text that any file can hold. Raises TypeError or, for bytes that are not UTF-8, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"text was expected, not {type(value).__name__}")
    if not value.isascii():
        value.encode()
    return value


def text_or_none(value: object) -> str | None:
    try:
        return text(value)
    except (TypeError, ValueError):
        return None


def text_if_any(value: object) -> str | None:
    """Return text, or None for None. Raises TypeError and ValueError for anything else."""
    return None if value is None else text(value)


def items(value: object) -> list[Any]:
    """Return a list as it is. Raises TypeError for anything else."""
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts. Raises TypeError and ValueError."""
    return tuple(map(text, items(value)))


def sentences_or_none(value: object) -> tuple[str, ...] | None:
    """Return a list of sentences for a reader, or None. They may name files whose names are not UTF-8."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    return None


def digest_pairs(value: object) -> DigestPairs:
    """Return a list of (path or name, digest or None). Raises TypeError and ValueError."""
    return tuple((text(name), text_if_any(digest)) for name, digest in items(value))


def text_pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Return a mapping of texts as pairs, sorted by name. Raises TypeError and ValueError."""
    if not isinstance(value, dict):
        raise TypeError(f"a mapping was expected, not {type(value).__name__}")
    return tuple(sorted((text(name), text(one)) for name, one in value.items()))


def text_pairs_or_none(value: object) -> tuple[tuple[str, str], ...] | None:
    """Return a mapping of texts as pairs, sorted by name, or None for anything else."""
    try:
        return text_pairs(value)
    except (TypeError, ValueError):
        return None


def known_metrics(value: object) -> Metrics:
    """Return the metrics of a record without those of a wrong type or size: nothing depends on them."""
    if not isinstance(value, dict):
        return {}
    files = ((text_or_none(path), values) for path, values in value.items() if isinstance(values, dict))
    return {path: dict(islice(_metric_values(values), MOST_VALUES)) for path, values in files if path is not None}


def _metric_values(values: dict[Any, Any]) -> Iterator[tuple[str, MetricValue]]:
    for name, value in values.items():
        if (known := text_or_none(name)) is not None and len(known) <= LONGEST_TEXT and _is_metric(value):
            yield known, value


def _is_metric(value: object) -> TypeGuard[MetricValue]:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT and text_or_none(value) is not None
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < MAX_EXACT


def is_plain(value: object, levels: int = _DEEPEST) -> bool:
    """Return whether an unknown value can be written again as JSON: not nested deeply, all its text in UTF-8."""
    if isinstance(value, dict):
        are_texts = all(text_or_none(key) is not None for key in value)
        return levels > 0 and are_texts and all(is_plain(one, levels - 1) for one in value.values())
    if isinstance(value, list):
        return levels > 0 and all(is_plain(one, levels - 1) for one in value)
    if isinstance(value, (int, float)):
        return -MAX_COUNT < value < MAX_COUNT
    return value is None or text_or_none(value) is not None

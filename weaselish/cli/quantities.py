"""Reads counts, sizes and ages that the user types as the value of an option."""

from __future__ import annotations

import re

from weaselish.errors import UsageError

_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {
    **{unit: 1000**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb"))},
    **{unit: 1024**power for power, unit in enumerate(("b", "kib", "mib", "gib", "tib"))},
    **{unit: 1000**power for power, unit in enumerate(("", "k", "m", "g", "t"))},
}
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) *([A-Za-z]*)")


def read_count(option: str, text: str) -> int:
    """Read a whole number from 0 on. Raises UsageError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UsageError(f"`{option} {text}`: not a valid number", hint=f"`{option} 3`")
    return int(text)


def read_age(option: str, text: str) -> float:
    """Read a span of time in seconds: `90s`, `12h`, `30d`. A number alone needs a unit unless it is 0."""
    match = _QUANTITY.fullmatch(text)
    unit = match[2].lower() if match else ""
    if match is None or (unit not in _SECONDS and not (unit == "" and float(match[1]) == 0)):
        raise UsageError(f"`{option} {text}`: not a valid age", hint=f"`{option} 30d`; units are s, min, h, d and w")
    return float(match[1]) * _SECONDS.get(unit, 1)


def read_size(option: str, text: str) -> int:
    """Read a number of bytes: `500MB`, `1.5GiB`. Raises UsageError."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in _BYTES:
        raise UsageError(f"`{option} {text}`: not a valid size", hint=f"`{option} 50GB`; units are kB, MB, GB, KiB, …")
    return int(float(match[1]) * _BYTES[match[2].lower()])

"""Checks for the values in snapshots and in indexes of packs: anything may have written them."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

LARGEST_CONTENT = 1 << 53  # bytes
SHA256 = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[0-9a-f]{32,64}")
DIGEST = re.compile(r"[0-9a-f]{32,64}(\.dir)?")


class LaterFormat(ValueError):
    """Only a later version of proj can read the document."""


def is_sha256(value: object) -> TypeGuard[str]:
    """Return whether a value is the name of a content."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def of_format(document: object, number: int) -> dict[str, Any]:
    """Return a document of that format. Raises ValueError, LaterFormat for a higher format."""
    data = mapping(document)
    found = data.get("format")
    if found != number:
        raise LaterFormat(found) if is_count(found) else ValueError("it has no format")
    return data


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is. Raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError("not a mapping")
    return value


def text(value: object) -> str:
    """Return a text as it is. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return value


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_CONTENT


def count(value: object) -> int:
    """Return a number as it is. Raises ValueError for anything else."""
    if not isinstance(value, int) or not is_count(value):
        raise ValueError("a number was expected")
    return value


def matching(pattern: re.Pattern[str], value: object) -> str:
    """Return a text that a pattern matches. Raises ValueError for anything else."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not a digest")
    return value

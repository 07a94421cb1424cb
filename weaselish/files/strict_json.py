"""JSON from files that anything may have written: strict, and with one kind of error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from weaselish.files.regular import read_regular


def read_json(text: bytes | str) -> object:
    """Decode JSON. Raises ValueError for invalid text, NaN, Infinity, an overflowing number and deep nesting.

    Bytes that are not UTF-8 decode as the file system's names do.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json_file(path: Path) -> Any:
    """Decode a file. Raises ValueError as `read_json` does, and OSError, also for anything else than a file."""
    return read_json(read_regular(path))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)

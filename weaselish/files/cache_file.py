"""Caches in JSON, with a checksum: a file that is damaged, or that anything else wrote, counts as missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

from weaselish.files.atomic import write_atomically
from weaselish.files.regular import read_regular
from weaselish.files.strict_json import read_json


def read_cache(path: Path) -> Any:
    """Return what `write_cache` wrote. Raises OSError and ValueError."""
    checksum, _, text = read_regular(path).partition(b"\n")
    if checksum != _checksum(text):
        raise ValueError("not a cache, or a damaged one")
    return read_json(text)


def write_cache(path: Path, data: object) -> None:
    """Replace a cache. Raises OSError."""
    text = json.dumps(data, default=dict).encode()  # `dict` for read-only mappings
    write_atomically(path, [_checksum(text), b"\n", text])


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)

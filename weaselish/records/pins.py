"""Pins: the versions of imported artifacts that a project uses, in the `.proj` section of project.lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from weaselish.records.untrusted import text

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})(\.dir)?")


class Pin(NamedTuple):
    """The version that a range was resolved to. `digest`: of the content; `sha256`: of the bytes on the remote."""

    range: str
    version: str
    digest: str
    sha256: str
    remote: str


def read_pins(section: object) -> dict[str, Pin]:
    """Return the pins of a section by artifact. Skip what is not a pin."""
    pins = {}
    for name, fields in section.items() if isinstance(section, dict) else ():
        try:
            pins[text(name)] = _pin(fields)
        except (KeyError, TypeError, ValueError):
            continue
    return pins


def _pin(fields: Mapping[str, Any]) -> Pin:
    pin = Pin(*(text(fields[name]) for name in Pin._fields))
    if not _SHA256.fullmatch(pin.sha256) or not _DIGEST.fullmatch(pin.digest):
        raise ValueError("not a digest")
    return pin

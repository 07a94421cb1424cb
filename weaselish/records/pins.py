"""Pins in the `.proj` section of project.lock: which versions of imported artifacts and sources a project uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from weaselish.named_tuple import NamedTuple
from weaselish.records.untrusted import text, text_if_any

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})(\.dir)?")


class Pin(NamedTuple):
    """The version that a range was resolved to. `digest`: of the content; `sha256`: of the bytes on the remote."""

    range: str
    version: str
    digest: str
    sha256: str
    remote: str


class SourcePin(NamedTuple):
    """What was fetched of a named asset: the `commit` of a git repository, or the `digest` of other content.

    `source` is what project.yml named then, without secrets.
    """

    source: str
    commit: str | None = None
    digest: str | None = None

    @property
    def document(self) -> dict[str, str]:
        """The pin as project.lock holds it."""
        return {name: value for name, value in self._asdict().items() if value is not None}


_P = TypeVar("_P", Pin, SourcePin)


def read_pins(section: object) -> dict[str, Pin]:
    """Return the pins of a section by artifact. Skip what is not a pin."""
    return _read(section, _pin)


def read_source_pins(section: object) -> dict[str, SourcePin]:
    """Return the pins of a section by source. Skip what is not a pin."""
    return _read(section, _source_pin)


def _read(section: object, pin: Callable[[Mapping[str, Any]], _P]) -> dict[str, _P]:
    pins = {}
    for name, fields in section.items() if isinstance(section, dict) else ():
        try:
            pins[text(name)] = pin(fields)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return pins


def _pin(fields: Mapping[str, Any]) -> Pin:
    pin = Pin(*(text(fields[name]) for name in Pin._fields))
    if not _SHA256.fullmatch(pin.sha256) or not _DIGEST.fullmatch(pin.digest):
        raise ValueError("not a digest")
    return pin


def _source_pin(fields: Mapping[str, Any]) -> SourcePin:
    pin = SourcePin(text(fields["source"]), text_if_any(fields.get("commit")), text_if_any(fields.get("digest")))
    is_commit = pin.commit is not None and _COMMIT.fullmatch(pin.commit) is not None
    is_digest = pin.digest is not None and _DIGEST.fullmatch(pin.digest) is not None
    if is_commit == is_digest:
        raise ValueError("neither a commit nor a digest")
    return pin

"""The record of one successful run: what it used and what it produced."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from weaselish.model.project import Algorithm
from weaselish.plan.fingerprint import Fingerprint

RECORD_FORMAT = 1

_NONE: Mapping[str, Any] = MappingProxyType({})


class RecordedOutput(NamedTuple):
    """One output as a run left it. `size` in bytes and `files` are None where only the lock is known."""

    path: str
    digest: str  # ABSENT for an `outputs_no_cache` path that was not there
    size: int | None = None
    files: int | None = None


class Record(NamedTuple):
    """What one successful run used and made. Immutable; the lock entry, the pushed object and the log are views of it.

    `run` is the run id: microseconds since 1970, or one more than the last id seen, whichever is greater.
    """

    run: int
    command: str
    fingerprint: Fingerprint
    outputs: tuple[RecordedOutput, ...]
    outputs_no_cache: tuple[RecordedOutput, ...] = ()
    algorithm: Algorithm = "md5"
    origin: str = "run"  # or weasel, accepted, pulled
    dep_sizes: Mapping[str, int] = _NONE
    weasel: Mapping[str, str] = _NONE  # path -> Weasel's digest, under `compat: weasel`
    facts: Mapping[str, object] = _NONE  # executor, host, tool, git, started, seconds

    @property
    def all_outputs(self) -> tuple[RecordedOutput, ...]:
        return self.outputs + self.outputs_no_cache

"""The record of one successful run: what it used, what it produced, and where it comes from."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from weaselish.model.project import Algorithm
from weaselish.named_tuple import NamedTuple
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.metrics import Metrics

RECORD_FORMAT = 1
ARTIFACTS = "artifacts"  # a further key of a record's document: path of an imported artifact -> its version
MAX_COUNT = 1 << 53  # of run ids, bytes and files: every JSON reader holds smaller numbers exactly


class Origin(enum.Enum):
    """Where a record comes from."""

    RUN = "run"
    ACCEPTED = "accepted"  # by `proj lock accept`
    PULLED = "pulled"
    RESTORED = "restored"  # from a cache
    WEASEL = "weasel"  # a verified entry or object that Weasel wrote
    OTHER = "other"  # one that only a later version knows


class Host(NamedTuple):
    """The machine that ran a step."""

    name: str | None = None
    system: str | None = None
    python: str | None = None
    cpus: int | None = None


class GitCommit(NamedTuple):
    """The commit that was checked out. `dirty`: tracked files differed from it."""

    commit: str
    dirty: bool


NO_REPOSITORY = GitCommit("", dirty=False)  # the project is in no git repository


class Provenance(NamedTuple):
    """How a record came about. None stands for what is not known."""

    executor: str | None = None
    tool: str | None = None
    host: Host | None = None
    git: GitCommit | None = None
    started: str | None = None  # UTC, ISO 8601
    seconds: float | None = None
    reasons: tuple[str, ...] | None = None
    image: str | None = None  # the digest of the container image in which it ran


class RecordedOutput(NamedTuple):
    """One output as a run left it. `size`, in bytes, and `files` are None if missing or only the lock is known."""

    path: str
    digest: str  # ABSENT for an `outputs_no_cache` path that was missing
    size: int | None = None
    files: int | None = None


_NO_SIZES: Mapping[str, int] = MappingProxyType({})
_NO_DIGESTS: Mapping[str, str] = MappingProxyType({})
_NO_KEYS: Mapping[str, object] = MappingProxyType({})
_NO_METRICS: Metrics = MappingProxyType({})


class Record(NamedTuple):
    """What one successful run used and produced. Lock entry, pushed object and log line are views of it.

    `run` is the run id: microseconds since 1970, or an id after the last one seen, whichever is greater.
    """

    run: int
    command: str
    fingerprint: Fingerprint
    outputs: tuple[RecordedOutput, ...]
    outputs_no_cache: tuple[RecordedOutput, ...] = ()
    algorithm: Algorithm = "md5"
    origin: Origin = Origin.RUN
    dep_sizes: Mapping[str, int] = _NO_SIZES
    weasel: Mapping[str, str] = _NO_DIGESTS  # path -> Weasel's digest, under `compat: weasel`
    dep_digests: Mapping[str, str] = _NO_DIGESTS  # output directory that holds links -> its digest as a dep
    provenance: Provenance | None = None  # None where only the lock file is known
    metrics: Metrics = _NO_METRICS
    extra: Mapping[str, object] = _NO_KEYS  # further keys of its document: of a remote, or of a later version

    @property
    def all_outputs(self) -> tuple[RecordedOutput, ...]:
        return self.outputs + self.outputs_no_cache

"""What a push of a snapshot is asked to do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass

from weaselish.engine.snapshot.left_out import Why
from weaselish.plan.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SnapshotPushOptions:
    message: str = ""
    dry: bool = False
    include_secrets: bool = False
    max_file_size: int | None = None  # bytes
    project: str | None = None
    tree: bool = False  # also store plain files, and no references to outputs
    jobs: int = 4


@dataclass(frozen=True, slots=True)
class SnapshotPushed:
    """What a push stored or, in a dry run, would store. Sizes are bytes; `stored` is compressed.

    `new_files`, `new_size`: what the remote did not have. `left_out`: path and why.
    """

    snapshot: Snapshot
    remote: str
    is_stored: bool
    new_files: tuple[str, ...]
    new_size: int
    stored: int
    outputs: tuple[str, ...]  # that the snapshot refers to
    left_out: tuple[tuple[str, Why], ...]

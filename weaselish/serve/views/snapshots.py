"""The snapshots of a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.serve.views.readings import ReadState, state_of
from weaselish.serve.views.sources import Source

if TYPE_CHECKING:
    from weaselish.engine.snapshot.listing import ListedSnapshot
    from weaselish.plan.snapshot import Snapshot

_MOST = 500  # snapshots that are listed


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    """A snapshot. `problem`: why it is damaged."""

    id: str
    project: str
    stored: float
    message: str
    host: str
    commit: str | None
    files: int
    bytes: int
    runs: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class SnapshotsView:
    """The snapshots of a project, the newest first."""

    state: ReadState
    snapshots: tuple[SnapshotItem, ...]


def list_snapshots(source: Source) -> SnapshotsView:
    """Return the snapshots of the project on the remote that they went to last."""
    reading = source.readings.last(("snapshots", source.name), _snapshots_reader(source))
    return SnapshotsView(state_of(reading), tuple(_snapshot(one) for one in (reading.value or ())[:_MOST]))


def read_snapshots_again(source: Source) -> None:
    """Begin to list the snapshots again."""
    source.readings.again(("snapshots", source.name), _snapshots_reader(source))


def _snapshots_reader(source: Source) -> Callable[[Cancel], tuple[ListedSnapshot, ...]]:
    return lambda cancel: tuple(source.project.snapshots.list(cancel=cancel))


def _snapshot(listed: ListedSnapshot) -> SnapshotItem:
    found: Snapshot | None = listed.snapshot
    return SnapshotItem(
        listed.id,
        listed.project,
        listed.stored,
        found.message if found else "",
        found.host if found else "",
        found.git.commit if found and found.git else None,
        found.files if found else 0,
        found.bytes if found else 0,
        len(found.runs) if found else 0,
        listed.problem,
    )

"""Lists snapshots, shows one, and compares two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.snapshot.opened import has_project, opened, project_name, remote_for
from weaselish.engine.snapshot.reading import Reading, read_project
from weaselish.engine.snapshot.stored import StoredSnapshot, list_snapshots, read_stored
from weaselish.engine.workers import Workers, run_aside
from weaselish.errors import StoreError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot import Snapshot
from weaselish.plan.snapshot_entries import Difference, difference
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

_READERS = 8  # snapshots that are read at a time


class ListedSnapshot(NamedTuple):
    """A snapshot of a listing. `snapshot` is None if it is damaged; `problem` then says why."""

    project: str
    id: str
    stored: float  # seconds since 1970, by the store's clock
    snapshot: Snapshot | None
    problem: str | None = None


def list_stored(
    workspace: Workspace, remote_name: str | None, project: str | None, *, all_projects: bool, open_store: OpenStore
) -> list[ListedSnapshot]:
    """Return the snapshots of a project, or of all, the newest first. Outside of a project, of all by default."""
    remote = remote_for(workspace, remote_name)
    is_any = all_projects or (project is None and not has_project(workspace))
    name = None if is_any else project_name(workspace, project)

    def read() -> list[ListedSnapshot]:
        with opened(workspace, remote, open_store) as remote_side:
            return _read_all(workspace, remote_side.store, list_snapshots(remote_side.store, name))

    return run_aside(read, workspace.cancel)


def _read_all(workspace: Workspace, store: Store, stored: Sequence[StoredSnapshot]) -> list[ListedSnapshot]:
    listed: dict[str, ListedSnapshot] = {}
    with Workers[tuple[str, ListedSnapshot]](_READERS, workspace.cancel) as workers:
        for one in stored:
            workers.start(partial(_read, store, one))
        while workers.running:
            key, result = workers.wait()
            listed[key] = result
    return [listed[one.key] for one in stored]


def _read(store: Store, stored: StoredSnapshot) -> tuple[str, ListedSnapshot]:
    snapshot: Snapshot | None = None
    problem: str | None = None
    try:
        snapshot = read_stored(store, stored)
    except StoreError as error:
        problem = error.message
    return stored.key, ListedSnapshot(stored.project, stored.id, stored.modified, snapshot, problem)


def show_stored(
    workspace: Workspace, remote_name: str | None, ref: str, project: str | None, *, open_store: OpenStore
) -> Reading:
    """Return a snapshot with its entries."""
    remote = remote_for(workspace, remote_name)

    def read() -> Reading:
        with opened(workspace, remote, open_store) as remote_side:
            return read_project(workspace, remote_side, project, ref)

    return run_aside(read, workspace.cancel)


def diff_stored(
    workspace: Workspace,
    remote_name: str | None,
    refs: tuple[str, str],
    project: str | None,
    *,
    open_store: OpenStore,
) -> Difference:
    """Return what differs between two snapshots of one project."""
    remote = remote_for(workspace, remote_name)

    def read() -> Difference:
        with opened(workspace, remote, open_store) as remote_side:
            first, second = (read_project(workspace, remote_side, project, ref) for ref in refs)
            return difference(first.entries, second.entries)

    return run_aside(read, workspace.cancel)

"""snapshot prune: removes old snapshots of one project, then what no snapshot of any project needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence

from weaselish.engine import events
from weaselish.engine.gc.manifests import now_of
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.snapshot.garbage import delete_garbage, find_garbage
from weaselish.engine.snapshot.markers import DAY, MINUTES, PENDING, PRUNING, Marker, marked, markers
from weaselish.engine.snapshot.opened import Opened, opened, remote_for
from weaselish.engine.snapshot.reading import named_project
from weaselish.engine.snapshot.stored import StoredSnapshot, list_snapshots
from weaselish.engine.workers import run_aside
from weaselish.errors import StoreError
from weaselish.named_tuple import NamedTuple
from weaselish.workspace import Workspace


class PruneOptions(NamedTuple):
    """A snapshot is removed if it satisfies every policy given; without any, none is.

    `keep`: the newest that stay. `older`: seconds. The newest one of all stays unless `keep` is 0. `protected`: ids
    that stay in any case.
    """

    keep: int | None = None
    older: float | None = None
    project: str | None = None
    dry: bool = False
    protected: Collection[str] = ()


class Pruned(NamedTuple):
    """What a prune did or, in a dry run or before the question, would do. `freed`: bytes in the store."""

    project: str
    removed: tuple[StoredSnapshot, ...]
    kept: int
    freed: int
    is_done: bool = False
    postponed: str | None = None  # why what nothing needs was not deleted

    @property
    def has_work(self) -> bool:
        return bool(self.removed or self.freed)


def prune_snapshots(
    workspace: Workspace,
    remote_name: str | None,
    options: PruneOptions,
    *,
    open_store: OpenStore,
    confirm: Callable[[Pruned], bool],
    report: events.Reporter,
) -> Pruned:
    """Remove snapshots. `confirm` gets what would be done and is asked once, before anything is deleted."""
    remote = remote_for(workspace, remote_name)
    if remote.read_only and not options.dry:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to prune it")

    def prune() -> Pruned:
        with opened(workspace, remote, open_store) as remote_side:
            project = named_project(workspace, remote_side, options.project)
            report(events.Preparing(f"listing `{remote.name}`"))
            return _Prune(workspace, remote_side, project, options).run(confirm)

    return run_aside(prune, workspace.cancel)


def removable(stored: Sequence[StoredSnapshot], options: PruneOptions, now: float) -> list[StoredSnapshot]:
    """Return those of one project's snapshots, given the newest first, that a prune removes."""
    if options.keep is None and options.older is None:
        return []
    keep = 1 if options.keep is None else options.keep
    stored = sorted(stored, key=lambda one: one.id not in options.protected)  # stable: these count as the newest
    return [
        one
        for rank, one in enumerate(stored)
        if rank >= keep
        and (options.older is None or now - one.modified > options.older)
        and one.id not in options.protected
    ]


class _Prune:
    def __init__(self, workspace: Workspace, remote: Opened, project: str, options: PruneOptions) -> None:
        self._cancel = workspace.cancel
        self._store = remote.store
        self._contents = remote.contents
        self._project = project
        self._options = options

    def run(self, confirm: Callable[[Pruned], bool]) -> Pruned:
        stored = list_snapshots(self._store)
        own = [one for one in stored if one.project == self._project]
        removed = removable(own, self._options, self._now(own))
        kept = [one for one in stored if one not in removed]
        garbage = find_garbage(self._store, self._contents, kept, self._cancel)
        foreseen = Pruned(self._project, tuple(removed), len(own) - len(removed), garbage.freed)
        is_idle = not removed and garbage.is_empty
        if self._options.dry or is_idle or not confirm(foreseen):
            return foreseen
        self._store.delete_many([one.key for one in removed])
        return self._delete_garbage(foreseen)

    def _now(self, own: Sequence[StoredSnapshot]) -> float:
        """Return the time by the store's clock. In a dry run, which stores nothing, by this computer's."""
        if self._options.dry or self._options.older is None or not own:
            return time.time()
        return now_of(self._store)

    def _delete_garbage(self, foreseen: Pruned) -> Pruned:
        """Delete what no snapshot needs, unless a push is under way: it may be about to need it."""
        with marked(self._store, self._project, _new_name(), PRUNING) as marker:
            pending = markers(self._store, PENDING)
            if any(marker.modified - one.modified < DAY for one in pending):
                why = "a push is under way, or was cut off less than a day ago"
                return foreseen._replace(is_done=True, freed=0, postponed=why)
            garbage = find_garbage(self._store, self._contents, list_snapshots(self._store), self._cancel)
            is_complete = delete_garbage(self._store, self._contents, garbage, lambda: self._may_go_on(marker))
            self._store.delete_many([one.key for one in pending])
        why_not = None if is_complete else "it takes long"
        return foreseen._replace(is_done=True, freed=garbage.freed if is_complete else 0, postponed=why_not)

    def _may_go_on(self, marker: Marker) -> bool:
        """Return whether pushes still wait for this prune."""
        self._cancel.check()
        return marker.age < MINUTES / 2


def _new_name() -> str:
    return os.urandom(8).hex()

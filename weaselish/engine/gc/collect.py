"""gc: removes runs from a remote by a policy, and frees the objects that nothing needs.

A record goes before its objects. Objects become orphans first, and are deleted by a later call, after a grace time: a
push that began before may still name them. Whatever interrupts it, the runs that stay are complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import TypeVar

from weaselish.engine import events
from weaselish.engine.gc.choose import Choice, Policy, choose
from weaselish.engine.gc.inventory import Inventory
from weaselish.engine.gc.jobs import left_by_jobs
from weaselish.engine.gc.manifests import keys_in, manifests, now_of, remove_old_clocks, write_manifests
from weaselish.engine.gc.protected import Refs, protected
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.snapshot.runs import records_in_snapshots
from weaselish.engine.workers import run_aside
from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Store, Stored
from weaselish.workspace import Workspace

T = TypeVar("T")

_BATCH = 1000  # keys that are deleted at a time


class GcOptions(NamedTuple):
    policy: Policy = Policy()
    refs: Refs = Refs.ALL
    unrecorded: bool = False  # also objects that no record names: Weasel's, or those of a push that was cut off
    dry: bool = False


class Collected(NamedTuple):
    """What a garbage collection did or, in a dry run, would do. Sizes are bytes in the store.

    `total`: before it. `freed`: of objects that it deleted. `orphaned`: of objects that a later call deletes.
    `waiting`: of objects that earlier calls orphaned, and whose grace time is not over.
    """

    choice: Choice
    total: int
    freed: int
    orphaned: int
    waiting: int
    is_done: bool  # not in a dry run, nor if the user declined


def collect(
    workspace: Workspace,
    remote: Remote,
    options: GcOptions,
    *,
    open_store: OpenStore,
    confirm: Callable[[Collected], bool],
    report: events.Reporter,
) -> Collected:
    """Remove runs from a remote. `confirm` gets what would be done and is asked once, before anything is deleted.

    Raises StoreError, and GitError if the lock files in git cannot be read.
    """
    if remote.read_only and not options.dry:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to collect garbage")
    named = protected(workspace, options.refs)
    report(events.Preparing(f"listing `{remote.name}`"))
    store = open_store(remote)
    with closing(store), Inventory(store, workspace.cancel) as inventory:
        collection = _Collection(workspace, store, inventory, options)
        run_aside(inventory.read, workspace.cancel)
        now = time.time() if options.dry else run_aside(lambda: now_of(store), workspace.cancel)
        snapshots = run_aside(lambda: records_in_snapshots(store, workspace.cancel), workspace.cancel)
        choice = choose(inventory, options.policy, named._replace(records=snapshots), now=now)
        foreseen = collection.foresee(choice, now)
        if options.dry or not (foreseen.freed or foreseen.orphaned or choice.removed) or not confirm(foreseen):
            return foreseen
        return run_aside(lambda: collection.carry_out(choice, now), workspace.cancel)


class _Collection:
    """One garbage collection of one store. Its inventory counts the chosen runs as removed."""

    def __init__(self, workspace: Workspace, store: Store, inventory: Inventory, options: GcOptions) -> None:
        self._cancel = workspace.cancel
        self._store = store
        self._inventory = inventory
        self._options = options

    def foresee(self, choice: Choice, now: float) -> Collected:
        """Return what `carry_out` will do, as far as no other process changes the remote."""
        freed, waiting = self._orphaned_earlier(now)
        freed += sum(one.size for one in self._left_by_jobs(now))
        orphaned = choice.frees
        if self._options.unrecorded:
            orphaned += sum(size for _, size in self._unrecorded(now))
        if self._options.policy.grace <= 0:
            freed, orphaned = freed + orphaned, 0
        return Collected(choice, self._inventory.size, freed, orphaned, waiting, is_done=False)

    def carry_out(self, choice: Choice, now: float) -> Collected:
        """List the orphans, delete the records, then the orphans of earlier calls.

        Runs that a snapshot names by now stay.
        """
        self._inventory.keep(records_in_snapshots(self._store, self._cancel))
        total, (_, waiting) = self._inventory.size, self._orphaned_earlier(now)
        write_manifests(self._store, self._orphans(now))
        for batch in _batches(self._inventory.removed_records()):
            self._cancel.check()
            self._store.delete_many(batch)
        freed = self._free(now if self._options.policy.grace > 0 else now_of(self._store) + 1)
        for left in _batches(self._left_by_jobs(now)):
            self._store.delete_many([one.key for one in left])
            freed += sum(one.size for one in left)
        orphaned = choice.frees if self._options.policy.grace > 0 else 0
        return Collected(choice, total, freed, orphaned, waiting, is_done=True)

    def _left_by_jobs(self, now: float) -> list[Stored]:
        return left_by_jobs(self._store, now=now, grace=self._options.policy.grace)

    def _orphans(self, now: float) -> Iterator[str]:
        yield from self._inventory.orphans()
        if self._options.unrecorded:
            yield from (key for key, _ in self._unrecorded(now))

    def _unrecorded(self, now: float) -> Iterator[tuple[str, int]]:
        return self._inventory.unrecorded(before=now - self._options.policy.grace)

    def _free(self, now: float) -> int:
        """Delete the orphans whose grace time is over, unless a run names them again. Return their bytes."""
        freed = 0
        before = now - self._options.policy.grace
        for manifest in list(manifests(self._store)):
            if manifest.modified >= before:
                continue
            for keys in _batches(keys_in(self._store, manifest)):
                self._inventory.read_new_records()
                deletable = self._inventory.unused(keys, before=before)
                self._store.delete_many([key for key, _ in deletable])
                self._inventory.forget(key for key, _ in deletable)
                freed += sum(size for _, size in deletable)
            self._store.delete(manifest.key)
        remove_old_clocks(self._store, before=before)
        return freed

    def _orphaned_earlier(self, now: float) -> tuple[int, int]:
        """Return the bytes of objects that earlier calls orphaned: those that may be deleted, those that must wait."""
        for manifest in manifests(self._store):
            self._inventory.add_orphans(keys_in(self._store, manifest), since=manifest.modified)
        return self._inventory.orphaned_sizes(before=now - self._options.policy.grace)


def _batches(keys: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(keys)
    while batch := list(islice(rest, _BATCH)):
        yield batch

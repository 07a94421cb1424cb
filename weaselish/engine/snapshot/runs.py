"""The runs that snapshots refer to: `proj gc` keeps them."""

from __future__ import annotations

from functools import partial

from weaselish.cancel import Cancel
from weaselish.engine.remote.published import RUNS
from weaselish.engine.snapshot.stored import SNAPSHOTS, list_snapshots, read_stored
from weaselish.engine.workers import Workers
from weaselish.errors import StoreError
from weaselish.plan.snapshot import Snapshot
from weaselish.stores.base import Store

_READERS = 8  # snapshots that are read at a time


def records_in_snapshots(store: Store, cancel: Cancel) -> frozenset[str]:
    """Return the keys of the records that snapshots on a remote name.

    Raises StoreError if a snapshot cannot be read: what it needs is not known.
    """
    found: set[str] = set()
    with Workers[Snapshot](_READERS, cancel) as workers:
        for stored in list_snapshots(store):
            workers.start(partial(read_stored, store, stored))
        try:
            while workers.running:
                found.update(f"{RUNS}/{key}/{run}.json" for key, run in workers.wait().runs)
        except StoreError as error:
            hint = f"gc cannot tell what it needs: delete it below `{SNAPSHOTS}` on the remote if it is not needed"
            raise StoreError(error.message, hint=hint) from None
    return frozenset(found)

"""Markers on a remote that keep pushes and prunes apart: `.pending` of a push, `.pruning` of a prune that deletes.

A push writes its marker before it looks at what the remote holds; a prune writes its own before it looks for markers of
pushes. So at least one of the two sees the other: the prune then deletes nothing, or the push waits for its end.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from weaselish.cancel import Cancel
from weaselish.engine.snapshot.stored import SNAPSHOTS, folder_of
from weaselish.errors import Cancelled, NotInStore, ProjError
from weaselish.stores.base import Store, Stored

PENDING = ".pending"
PRUNING = ".pruning"
DAY = 86_400.0  # seconds after which a push counts as given up
MINUTES = 600.0  # seconds after which a prune counts as given up; it never deletes that long without a new marker
RENEWED = 3600.0  # seconds after which a push renews its marker
_TICK = 0.2  # seconds between two looks at the marker of a prune


class Marker:
    """One marker of this process. `modified` is the time at which it was stored, by the store's clock."""

    def __init__(self, store: Store, project: str, name: str, kind: str) -> None:
        self.key = f"{folder_of(project)}/{name}{kind}"
        self._store = store
        self._put()
        stored = store.head(self.key)
        self.modified = 0.0 if stored is None else stored.modified

    def _put(self) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        text = {"format": 1, "host": os.uname().nodename, "pid": os.getpid(), "at": now}
        self._store.put(self.key, [json.dumps(text).encode()], replace=True)
        self._stored_at = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it was stored."""
        return time.monotonic() - self._stored_at

    def renew(self) -> None:
        """Store it again once it is old."""
        if self.age > RENEWED:
            self._put()

    def delete(self) -> None:
        self._store.delete(self.key)


@contextmanager
def marked(store: Store, project: str, name: str, kind: str) -> Iterator[Marker]:
    """Store a marker for the block. After a kill it stays, and counts until it is old or its process is gone."""
    marker = Marker(store, project, name, kind)
    try:
        yield marker
    finally:
        with suppress(ProjError, Cancelled):  # what the block raised counts, or that it succeeded
            marker.delete()


def markers(store: Store, kind: str) -> list[Stored]:
    """Return the markers of one kind, of all projects."""
    return [one for one in store.list(SNAPSHOTS) if one.key.endswith(kind)]


def is_alive(store: Store, marker: Stored) -> bool:
    """Return whether the process behind a marker may still run: it is on another host, or exists on this one."""
    try:
        data = json.loads(b"".join(store.get(marker.key, end=1 << 16)))
        host, pid = data["host"], data["pid"]
    except NotInStore:
        return False
    except (ValueError, KeyError, TypeError, RecursionError):
        return True
    if host != os.uname().nodename or not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 1 << 30:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def wait_for_prunes(store: Store, now: float, cancel: Cancel, on_wait: Callable[[], object]) -> None:
    """Return once no prune deletes anything any more. `now`: the store's time."""
    begun = time.monotonic()
    is_told = False
    while True:
        passed = time.monotonic() - begun
        young = [one for one in markers(store, PRUNING) if now + passed - one.modified < MINUTES]
        running = []
        for one in young:
            if is_alive(store, one):
                running.append(one)
            else:
                store.delete(one.key)
        if not running:
            return
        if not is_told:
            is_told = True
            on_wait()
        cancel.sleep(_TICK)

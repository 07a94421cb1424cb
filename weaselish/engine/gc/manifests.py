"""Lists of objects that a garbage collection orphaned: a later one deletes them after a grace time.

Each is an object `.proj/gc/<random>.json`. The time at which it was stored is when its objects became orphans.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice

from weaselish.errors import NotInStore
from weaselish.stores.base import Store, Stored

MANIFESTS = ".proj/gc/"
_CLOCK = f"{MANIFESTS}clock-"
_MOST = 10_000  # keys in one manifest


def write_manifests(store: Store, keys: Iterable[str]) -> None:
    """Store the keys, in as many manifests as needed."""
    rest = iter(keys)
    while batch := list(islice(rest, _MOST)):
        store.put(f"{MANIFESTS}{uuid.uuid4().hex}.json", [json.dumps({"format": 1, "orphans": batch}).encode()])


def manifests(store: Store) -> Iterator[Stored]:
    """Yield the manifests of a remote."""
    return (stored for stored in store.list(MANIFESTS.rstrip("/")) if stored.key.endswith(".json"))


def remove_old_clocks(store: Store, *, before: float) -> None:
    """Delete the objects by which killed collections asked for the store's time."""
    for stored in list(store.list(MANIFESTS.rstrip("/"))):
        if stored.key.startswith(_CLOCK) and stored.modified < before:
            store.delete(stored.key)


def keys_in(store: Store, manifest: Stored) -> list[str]:
    """Return the keys in a manifest; none if it is broken or gone."""
    try:
        document = json.loads(b"".join(store.get(manifest.key)))
    except (ValueError, RecursionError, NotInStore):
        return []
    keys = document.get("orphans") if isinstance(document, dict) else None
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []


def now_of(store: Store) -> float:
    """Return the time of the store's own clock, in seconds since 1970: it stores a small object and deletes it."""
    key = f"{_CLOCK}{uuid.uuid4().hex}"
    store.put(key, [b"proj gc"])
    try:
        stored = store.head(key)
    finally:
        store.delete(key)
    return stored.modified if stored is not None else 0.0

"""What the snapshots of a remote hold. A local file with such content may be replaced: it can be pulled again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weaselish.engine.snapshot.compare import Replaced
from weaselish.engine.snapshot.contents import Contents
from weaselish.engine.snapshot.stored import damaged, list_snapshots, read_stored
from weaselish.errors import StoreError
from weaselish.plan.snapshot import Snapshot
from weaselish.plan.snapshot_entries import Entry, FileEntry, LinkEntry, read_entries
from weaselish.stores.base import Store


def entries_of(contents: Contents, snapshot: Snapshot) -> tuple[Entry, ...]:
    """Read and check the entries of a snapshot. Raises StoreError if they are missing or damaged."""
    try:
        return read_entries(contents.get(snapshot.entries))
    except (ValueError, StoreError) as error:
        raise damaged(snapshot.id, error.message if isinstance(error, StoreError) else str(error)) from None


def only_local(
    store: Store, contents: Contents, project: str, first: Iterable[Entry], replaced: Iterable[Replaced]
) -> list[Replaced]:
    """Return what is to be replaced and in no snapshot of the remote.

    Reads the entries of one snapshot after another, `first` first, until everything was found.
    """
    left = {one.path: one for one in replaced}
    for entries in _all_entries(store, contents, project, first):
        if not left:
            break
        digests = {entry.sha256 for entry in entries if isinstance(entry, FileEntry)}
        links = {(entry.path, entry.target) for entry in entries if isinstance(entry, LinkEntry)}
        for one in list(left.values()):
            if one.sha256 in digests or (one.path, one.target) in links:
                del left[one.path]
    return list(left.values())


def _all_entries(store: Store, contents: Contents, project: str, first: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    yield tuple(first)
    stored = list_snapshots(store)
    stored.sort(key=lambda one: one.project != project)  # stable: the newest of this project come first
    seen: set[str] = set()
    for one in stored:
        try:
            snapshot = read_stored(store, one)
            if snapshot.entries.sha256 not in seen:
                seen.add(snapshot.entries.sha256)
                yield entries_of(contents, snapshot)
        except StoreError:  # damaged: what it holds cannot be pulled
            continue

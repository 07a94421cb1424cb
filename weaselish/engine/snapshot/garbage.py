"""Finds what no snapshot needs any more, and deletes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from weaselish.archive.contents import unzipped_member
from weaselish.archive.gzip import BrokenArchive
from weaselish.cancel import Cancel
from weaselish.engine.snapshot.contents import CONTENTS, Contents, content_key, index_key, pack_key
from weaselish.engine.snapshot.known import entries_of
from weaselish.engine.snapshot.stored import StoredSnapshot, read_stored
from weaselish.engine.snapshot.upload import Packer, store_pack
from weaselish.errors import StoreError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.packs import SMALL, Member
from weaselish.plan.snapshot_entries import FileEntry
from weaselish.plan.snapshot_values import SHA256
from weaselish.stores.base import Store

_BATCH = 500  # objects that are deleted at a time
_HALF = 2  # a pack stays as it is if at least one of so many bytes is needed


class Garbage(NamedTuple):
    """What can be deleted. `contents`: (name, stored size). `sparse`: packs to write anew, with what to keep."""

    contents: tuple[tuple[str, int], ...]
    packs: tuple[tuple[str, int], ...]
    sparse: tuple[tuple[str, dict[str, Member]], ...]
    freed: int  # bytes

    @property
    def is_empty(self) -> bool:
        return not (self.contents or self.packs or self.sparse)


def find_garbage(store: Store, contents: Contents, kept: Iterable[StoredSnapshot], cancel: Cancel) -> Garbage:
    """List the remote and compare it with what some snapshots need.

    Raises StoreError if one of them cannot be read: what it needs is not known.
    """
    contents.refresh()
    needed = _needed(store, contents, kept, cancel)
    large = [
        (name, stored.size)
        for stored in store.list(CONTENTS)
        if SHA256.fullmatch(name := stored.key.rpartition("/")[2])
        and stored.key == content_key(name)
        and name not in needed
    ]
    packs: list[tuple[str, int]] = []
    sparse: list[tuple[str, dict[str, Member]]] = []
    freed = sum(size for _, size in large)
    for pack, size in contents.packs.items():
        live = {name: member for name, member in contents.index(pack).items() if contents.is_at(name, pack, needed)}
        length = sum(member.length for member in live.values())
        if not live:
            packs.append((pack, size))
            freed += size
        elif length * _HALF < size:
            sparse.append((pack, live))
            freed += size - length
    for pack, size in contents.without_index.items():
        packs.append((pack, size))
        freed += size
    return Garbage(tuple(large), tuple(packs), tuple(sparse), freed)


def _needed(store: Store, contents: Contents, kept: Iterable[StoredSnapshot], cancel: Cancel) -> set[str]:
    """Return the names of the contents that some snapshots need."""
    needed: set[str] = set()
    for stored in kept:
        cancel.check()
        try:
            snapshot = read_stored(store, stored)
            if snapshot.entries.sha256 not in needed:
                entries = entries_of(contents, snapshot)
                needed.update(entry.sha256 for entry in entries if isinstance(entry, FileEntry))
                needed.add(snapshot.entries.sha256)
        except StoreError as error:
            hint = f"what it needs is not known: delete `{stored.key}` from the remote if it is not needed"
            raise StoreError(f"nothing was pruned: {error.message}", hint=hint) from None
    return needed


def delete_garbage(store: Store, contents: Contents, garbage: Garbage, may_go_on: Callable[[], bool]) -> bool:
    """Delete it. Return whether all of it is gone: before each batch, `may_go_on` says whether to continue.

    Of a sparse pack, what is needed is stored anew first. An index goes before its pack.
    """
    packer = Packer()
    moved: list[str] = []
    for pack, live in garbage.sparse:
        if not may_go_on():
            return False
        if _repack(store, packer, pack, live):
            moved.append(pack)
        if packer.is_full:
            _store(store, packer)
    _store(store, packer)
    packs = [*(pack for pack, _ in garbage.packs), *moved]
    keys = [
        *(index_key(pack) for pack in packs),
        *(pack_key(pack) for pack in packs),
        *(content_key(name) for name, _ in garbage.contents),
    ]
    for batch in _batches(keys):
        if not may_go_on():
            return False
        store.delete_many(batch)
    contents.forget(packs)
    return True


def _store(store: Store, packer: Packer) -> None:
    pack = packer.take()
    if pack is not None:
        store_pack(store, pack)


def _repack(store: Store, packer: Packer, pack: str, live: dict[str, Member]) -> bool:
    """Add the live contents of a pack to another one. Return False, and add nothing, if one of them is damaged."""
    data = b"".join(store.get(pack_key(pack)))
    parts = {name: data[one.offset : one.offset + one.length] for name, one in live.items()}
    try:
        for name, member in live.items():
            unzipped_member(parts[name], name, min(member.size, SMALL))
    except BrokenArchive:
        return False
    for name, member in live.items():
        packer.add_member(name, parts[name], member.size)
    return True


def _batches(keys: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(keys)
    while batch := list(islice(rest, _BATCH)):
        yield batch

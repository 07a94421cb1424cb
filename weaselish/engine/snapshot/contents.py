"""The contents that a remote holds: small ones in packs, each large one an object. Reading verifies them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from weaselish.archive.contents import unzipped, unzipped_member
from weaselish.archive.gzip import BrokenArchive
from weaselish.cancel import Cancel
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore, StoreError
from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.strict_json import read_json
from weaselish.named_tuple import NamedTuple
from weaselish.plan.packs import PACK, SMALL, Member, read_index
from weaselish.plan.snapshot import Content
from weaselish.plan.snapshot_values import LaterFormat
from weaselish.stores.base import Store

CONTENTS = ".proj/contents"
PACKS = ".proj/packs"
MISSING = "its content is missing on the remote"
_READERS = 8  # requests at a time
_GAP = 1 << 16  # bytes between two members that are read together
_LARGEST_INDEX = 1 << 26  # bytes


class Reading(NamedTuple):
    """Small contents that one request reads: those between `start` and `end` of a pack."""

    pack: str
    start: int
    end: int
    members: tuple[tuple[Content, Member], ...]


def content_key(name: str) -> str:
    return f"{CONTENTS}/{name[:2]}/{name}"


def pack_key(pack: str) -> str:
    return f"{PACKS}/{pack}.pack"


def index_key(pack: str) -> str:
    return f"{PACKS}/{pack}.json"


class Contents:
    """What one listing found. `cache` is the file that keeps indexes, which never change. One thread refreshes it."""

    def __init__(self, store: Store, cancel: Cancel, cache: Path | None) -> None:
        self._store = store
        self._cancel = cancel
        self._cache = cache
        self._is_changed = False  # the indexes, since they were written to the cache
        self._indexes: dict[str, dict[str, Member]] | None = None  # of packs that exist, or once did
        self.packs: dict[str, int] = {}  # pack -> its size
        self.unreadable: tuple[str, ...] = ()  # packs whose index is damaged
        self.without_index: dict[str, int] = {}  # packs that have none -> their sizes
        self._where: dict[str, tuple[str, Member]] = {}

    # -- what there is ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List the packs, and read the indexes that are not known yet. Raises StoreError for one of a later version."""
        sizes: dict[str, int] = {}
        indexes: set[str] = set()
        for stored in self._store.list(PACKS):
            name, _, kind = stored.key.removeprefix(f"{PACKS}/").rpartition(".")
            if kind == "pack":
                sizes[name] = stored.size
            elif kind == "json":
                indexes.add(name)
        known = self._known()
        new = [name for name in sizes if name in indexes and name not in known]
        with Workers[tuple[str, dict[str, Member] | None]](_READERS, self._cancel) as workers:
            for name in new:
                workers.start(partial(self._read_index, name))
            while workers.running:
                name, index = workers.wait()
                if index is not None:
                    known[name] = index
        self.packs = {name: size for name, size in sizes.items() if name in indexes and name in known}
        self.unreadable = tuple(name for name in sizes if name in indexes and name not in known)
        self.without_index = {name: size for name, size in sizes.items() if name not in indexes}
        self._where = {
            name: (pack, member)
            for pack, size in sorted(self.packs.items())
            for name, member in known[pack].items()
            if member.offset + member.length <= size and member.length <= 2 * SMALL
        }
        if new:
            self._is_changed = True
            self.save()

    def _read_index(self, pack: str) -> tuple[str, dict[str, Member] | None]:
        try:
            return pack, read_index(read_json(b"".join(self._store.get(index_key(pack), end=_LARGEST_INDEX))))
        except LaterFormat:
            hint = "upgrade proj to read it"
            raise StoreError(f"`{index_key(pack)}` was written by a later version of proj", hint=hint) from None
        except (ValueError, NotInStore):
            return pack, None

    def index(self, pack: str) -> Mapping[str, Member]:
        return self._known()[pack]

    def added(self, pack: str, size: int, index: dict[str, Member]) -> None:
        """Note a pack that was just stored."""
        self._known()[pack] = index
        self._is_changed = True
        self.packs[pack] = size
        self._where |= {name: (pack, member) for name, member in index.items()}

    def forget(self, packs: Iterable[str]) -> None:
        """Count packs as deleted."""
        for pack in packs:
            self.packs.pop(pack, None)
            self._is_changed = True
        self.save()

    def is_at(self, name: str, pack: str, needed: Collection[str]) -> bool:
        """Return whether a content is among those needed, and `pack` is the one that holds it for readers."""
        return name in needed and self._where.get(name, ("",))[0] == pack

    def has_small(self, name: str) -> bool:
        return name in self._where

    def large(self, names: Collection[str]) -> dict[str, int]:
        """Return those of some large contents that exist, with their stored sizes."""
        shards = sorted({name[:2] for name in names})
        found: dict[str, int] = {}
        with Workers[dict[str, int]](_READERS, self._cancel) as workers:
            for shard in shards:
                workers.start(partial(self._shard, shard))
            while workers.running:
                found |= workers.wait()
        return {name: found[name] for name in names if name in found}

    def _shard(self, shard: str) -> dict[str, int]:
        return {one.key.rpartition("/")[2]: one.size for one in self._store.list(f"{CONTENTS}/{shard}")}

    def missing(self, contents: Iterable[Content]) -> list[Content]:
        """Return the contents that the remote does not have, each once."""
        wanted = list(dict.fromkeys(contents))
        large = self.large([one.sha256 for one in wanted if one.size > SMALL])
        return [one for one in wanted if not (one.sha256 in large if one.size > SMALL else self.has_small(one.sha256))]

    # -- reading ------------------------------------------------------------------------------------------------------

    def readings(self, wanted: Iterable[Content]) -> Iterator[Reading]:
        """Yield the requests that read small contents. Those that are missing are left out."""
        by_pack: dict[str, list[tuple[Content, Member]]] = {}
        for content in dict.fromkeys(wanted):
            if (place := self._where.get(content.sha256)) is not None:
                by_pack.setdefault(place[0], []).append((content, place[1]))
        for pack, members in by_pack.items():
            members.sort(key=lambda pair: pair[1].offset)
            together: list[tuple[Content, Member]] = []
            for content, member in members:
                if together and not _is_near(together, member):
                    yield _reading(pack, together)
                    together = []
                together.append((content, member))
            yield _reading(pack, together)

    def read(self, reading: Reading) -> Iterator[tuple[Content, bytes | BrokenArchive]]:
        """Read small contents and verify them. Yield an error in place of each that is damaged. Raises NotInStore."""
        data = self._bytes(reading)
        for content, member in reading.members:
            yield content, _content(data, reading, content, member)

    def check(self, reading: Reading) -> dict[Content, str | None]:
        """Read small contents. Return what is wrong with each, None if it is right."""
        try:
            found = dict(self.read(reading))
        except NotInStore as error:
            return {content: error.message for content, _ in reading.members}
        return {content: one.message if isinstance(one, BrokenArchive) else None for content, one in found.items()}

    def _bytes(self, reading: Reading) -> bytes:
        return b"".join(self._store.get(pack_key(reading.pack), start=reading.start, end=reading.end))

    def stream(self, content: Content, passed: Callable[[int], object]) -> Iterator[bytes]:
        """Read a large content; `passed` gets the bytes that travel. Raises BrokenArchive and NotInStore."""

        def chunks() -> Iterator[bytes]:
            for chunk in self._store.get(content_key(content.sha256)):
                passed(len(chunk))
                yield chunk

        return unzipped(chunks(), *content)

    def get(self, content: Content) -> bytes:
        """Return a content that fits into memory, verified. Raises BrokenArchive and NotInStore."""
        if content.size > SMALL:
            return b"".join(self.stream(content, lambda size: None))
        for reading in self.readings([content]):
            found = next(self.read(reading))[1]
            if isinstance(found, BrokenArchive):
                raise found
            return found
        raise NotInStore(f"no pack holds content {content.sha256}")

    # -- the cache ----------------------------------------------------------------------------------------------------

    def _known(self) -> dict[str, dict[str, Member]]:
        if self._indexes is None:
            self._indexes = {}
            if self._cache is not None:
                with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
                    kept: dict[str, dict[str, list[int]]] = read_cache(self._cache)
                    self._indexes = {pack: {name: Member(*row) for name, row in kept[pack].items()} for pack in kept}
        return self._indexes

    def save(self) -> None:
        """Write the cache; what cannot be written is lost."""
        if self._cache is not None and self._is_changed:
            self._is_changed = False
            indexes = {pack: self.index(pack) for pack in self.packs}
            with contextlib.suppress(OSError):
                write_cache(self._cache, indexes)


def _is_near(together: list[tuple[Content, Member]], member: Member) -> bool:
    last = together[-1][1]
    is_small = member.offset + member.length - together[0][1].offset <= PACK
    return is_small and last.offset <= member.offset <= last.offset + last.length + _GAP


def _reading(pack: str, members: list[tuple[Content, Member]]) -> Reading:
    end = max(member.offset + member.length for _, member in members)
    return Reading(pack, members[0][1].offset, end, tuple(members))


def _content(data: bytes, reading: Reading, content: Content, member: Member) -> bytes | BrokenArchive:
    start = member.offset - reading.start
    try:
        return unzipped_member(data[start : start + member.length], *content)
    except BrokenArchive as error:
        return error

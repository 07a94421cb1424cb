"""Reads the content of one path, a file or a directory, through the stat cache."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from weaselish.files.cached_tree import CachedTree
from weaselish.files.clock import DiskClock
from weaselish.files.file_stat import FileStat, Listing, PackedStat, pack_file, pack_listing, stat_of, target_of
from weaselish.files.hashing import Hasher
from weaselish.files.reading import Observer
from weaselish.files.stat_cache import CachedFile, CachedFiles, StatCache
from weaselish.files.walk import Unreadable, Vanished, View, Walker
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import TREE_SUFFIX, Algorithm, ManifestEntry, digest_bytes, manifest

_ATTEMPTS = 3  # at a directory that another process is changing
_KINDS: dict[int, Literal["f", "l", "d"]] = {ord("f"): "f", ord("l"): "l", ord("d"): "d"}


class Digested(NamedTuple):
    """The content of a path: its digest, its size in bytes, and its number of files."""

    digest: str
    size: int
    files: int


class ContentReader:
    """Digests paths of one project. Thread-safe. It reads only what the stat cache cannot vouch for."""

    def __init__(
        self,
        root: Path,
        algorithm: Algorithm,
        cache: StatCache,
        clock: DiskClock,
        walker: Walker,
        hasher: Hasher,
        observer: Observer,
    ) -> None:
        self._root = os.fsencode(root)
        self._algorithm = algorithm
        self._cache = cache
        self._clock = clock
        self._walker = walker
        self._hasher = hasher
        self._observer = observer

    def read(self, path: str, view: View) -> Digested | None:
        """Return the content of a path; None if it does not exist. Raises Unreadable and Cancelled."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(Vanished):
                return self._read_once(path, view)
        return self._read_once(path, view)

    def _read_once(self, path: str, view: View) -> Digested | None:
        full = os.path.join(self._root, os.fsencode(path))
        try:
            status = os.stat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if view == "dep" and os.path.islink(full):  # a link that leads to itself
                return Digested(digest_bytes(os.readlink(full), self._algorithm), 0, 0)
            raise Unreadable(f"`{path}` cannot be read: {error.strerror}") from None
        if stat.S_ISREG(status.st_mode):
            return self._file(path, full, FileStat.of(status))
        if stat.S_ISDIR(status.st_mode):
            return self._tree(path, full, view)
        raise Unreadable(f"`{path}` is neither a file nor a directory")

    def _file(self, path: str, full: bytes, status: FileStat) -> Digested:
        digest = self._cache.file(path, status)
        if digest is None:
            checked_at = self._clock.now()
            digest = self._hasher.file(full, status.size, self._observer.hashing(path, status.size))
            self._cache.put_file(path, CachedFile(status, checked_at, digest))
        return Digested(digest, status.size, 1)

    def _tree(self, path: str, full: bytes, view: View) -> Digested:
        """Digest a directory by one walk. Read only the files that differ from the cache."""
        listing = self._walker.walk(path, full, view, self._observer.listing(path))
        cached = self._cache.tree(path, view, listing)
        if cached is not None:
            return Digested(cached.digest, cached.size, cached.files)
        checked_at = self._clock.now()
        return self._put_tree(path, view, listing, self._hash_listing(path, full, view, listing), checked_at)

    def _put_tree(self, path: str, view: View, listing: Listing, digests: list[str], checked_at: int) -> Digested:
        """Cache a directory, given the digests of its entries in order; return its content."""
        text = manifest(
            ManifestEntry(name, _KINDS[packed[0]], digest)
            for (name, packed), digest in zip(listing, digests, strict=True)
        )
        stats = [status for _, packed in listing if (status := stat_of(packed)) is not None]
        content = Digested(
            digest_bytes(text, self._algorithm) + TREE_SUFFIX, sum(status.size for status in stats), len(stats)
        )
        changed = max((status.changed for status in stats), default=0)
        self._cache.put_tree(path, view, CachedTree(checked_at, changed, *content, pack_listing(listing), text))
        return content

    def _hash_listing(self, path: str, full: bytes, view: View, listing: Listing) -> list[str]:
        """Return the digests of a listing's entries, in order."""
        caches = [self._cache.files_in(path, one) for one in (view, "output" if view == "dep" else "dep")]
        digests: list[str] = []
        new: list[tuple[int, bytes, int]] = []  # index in the listing, path, size
        for index, (name, packed) in enumerate(listing):
            status = stat_of(packed)
            if status is None:
                target = target_of(packed)
                digests.append("-" if target is None else digest_bytes(target, self._algorithm))
                continue
            cached = next((digest for files in caches if (digest := self._trusted(files, (name, packed), status))), "")
            digests.append(cached)
            if not cached:
                new.append((index, full + b"/" + name, status.size))
        if new:
            advance = self._observer.hashing(path, sum(size for _, _, size in new))
            hashed = self._hasher.files([(file, size) for _, file, size in new], advance)
            for (index, _, _), digest in zip(new, hashed, strict=True):
                digests[index] = digest
        return digests

    def _trusted(self, files: CachedFiles, entry: tuple[bytes, PackedStat], status: FileStat) -> str:
        """Return the digest of an entry from the cache; empty if it is not there or not to be trusted."""
        digest = files.digests.get(entry, "")
        return digest if self._clock.is_settled(status.changed, files.checked_at) else ""

    def take_over(
        self, output: str, location: Path, content: Iterable[ManifestEntry], modified: int, written_until: int
    ) -> Digested | None:
        """Cache what this process has just written to `location`, without reading it; None if it differs.

        Its files must have the mtime `modified` and must be unwritten since `written_until`. Raises OSError.
        """
        full, entries = os.fsencode(location), sorted(content)
        status = os.stat(full)
        is_file = stat.S_ISREG(status.st_mode)
        listing = [(b"", pack_file(status))] if is_file else self._walker.walk(output, full, "output")
        stats = [one for _, packed in listing if (one := stat_of(packed)) is not None]
        is_unwritten = all(one.mtime == modified and one.ctime <= written_until for one in stats)
        if not is_unwritten or not self._has_entries(listing, entries) or not self._clock.is_of_device(status.st_dev):
            return None
        checked_at = self._clock.settled_after(written_until)
        if is_file:
            self._cache.put_file(output, CachedFile(stats[0], checked_at, entries[0].digest))
            return Digested(entries[0].digest, stats[0].size, 1)
        return self._put_tree(output, "output", listing, [entry.digest for entry in entries], checked_at)

    def _has_entries(self, listing: Listing, entries: list[ManifestEntry]) -> bool:
        """Return whether a listing has these names, kinds and link targets."""
        if [(name, _KINDS[one[0]]) for name, one in listing] != [(entry.path, entry.kind) for entry in entries]:
            return False
        links = ((target_of(one), entry.digest) for (_, one), entry in zip(listing, entries, strict=True))
        return all(target is None or digest_bytes(target, self._algorithm) == digest for target, digest in links)

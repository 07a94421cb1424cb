"""Digests of a project's files and directories, each read once.

A path is digested in one of two views. In the *dep* view, links count as what they lead to, and names in .projignore
are left out. In the *output* view, a link inside a directory is a link; an output that is itself a link counts as what
it leads to.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.files.clock import DiskClock
from weaselish.files.content import ContentReader, Digested
from weaselish.files.file_stat import Stamp
from weaselish.files.hashing import Hasher
from weaselish.files.reading import Observer, Unobserved
from weaselish.files.stat_cache import StatCache
from weaselish.files.walk import Unreadable, View, Walker
from weaselish.model.paths import is_glob, is_text
from weaselish.plan.digests import Algorithm, ManifestEntry, differences


class Digests:
    """The digests of one project's paths. Thread-safe.

    Results stay in memory until `forget`: call it when something may have changed the disk. `cancel` is checked once
    per directory and per block of a file. `observer` follows what is read.
    """

    def __init__(
        self,
        root: Path,
        algorithm: Algorithm = "md5",
        *,
        cache: Path | None = None,
        cancel: Cancel | None = None,
        clock: DiskClock | None = None,
        hasher: Hasher | None = None,
        observer: Observer | None = None,
    ) -> None:
        cancel = cancel or Cancel()
        self._observer = observer or Unobserved()
        self.algorithm = algorithm
        self._root = root
        self._cancel = cancel
        self._clock = clock or DiskClock(cache)
        self._cache = StatCache(cache, algorithm, self._clock)
        self._walker, hasher = Walker(root, cancel), hasher or Hasher(algorithm, cancel)
        self._reader = ContentReader(root, algorithm, self._cache, self._clock, self._walker, hasher, self._observer)
        self._results: dict[tuple[str, View], Digested | None] = {}
        self._matches: dict[str, tuple[str, ...]] = {}  # by glob
        self._lock = threading.Lock()
        self._generation = 0

    # -- one path ---------------------------------------------------------------------------------------------------

    def of(self, path: str, view: View) -> Digested | None:
        """Return the content of `path` (relative to the project); None if it does not exist. Raises Unreadable."""
        key = (path, view)
        with self._lock:
            if key in self._results:
                return self._results[key]
            generation = self._generation
        result = self._reader.read(path, view)
        with self._lock:
            if generation == self._generation:
                self._results[key] = result
        return result

    def digest(self, path: str, view: View) -> str | None:
        """Return the digest of `path`; None if it does not exist. Raises Unreadable."""
        content = self.of(path, view)
        return None if content is None else content.digest

    def stamp(self, dep: str) -> Stamp:
        """Return what stat said of a dep when it was last digested. It shows whether the dep was written since."""
        return self._cache.stamp(dep, "dep")

    def links(self, path: str) -> list[tuple[str, str]]:
        """Return (path in it, target) of the links in a directory that was just digested as an output."""
        links = self._cache.links(path, "output")
        return [(os.fsdecode(name), os.fsdecode(target)) for name, target in links]

    @property
    def times_forgotten(self) -> int:
        return self._generation

    def forget(self) -> None:
        """Read the disk again from now on."""
        with self._lock:
            self._generation += 1
            self._results.clear()
            self._matches.clear()

    def save(self) -> None:
        """Write the stat cache, if it has a directory."""
        self._cache.save()

    # -- deps -------------------------------------------------------------------------------------------------------

    def of_dep(self, dep: str) -> list[tuple[str, str | None]]:
        """Return the paths that a dep stands for, with their digests.

        A path that exists stands for itself, even if it looks like a glob.
        """
        digest = self.digest(dep, "dep")
        if digest is None and is_glob(dep):
            matches = self.matches(dep)
            if matches:
                return [(match, self.digest(match, "dep")) for match in matches]
        return [(dep, digest)]

    def matches(self, glob: str) -> tuple[str, ...]:
        """Return the paths that match a glob, sorted. Raises Unreadable for a name that is not UTF-8."""
        matches = self._walk(glob)
        for match in matches:
            if not is_text(match):
                raise Unreadable(f"`{glob}` matches a name that is not UTF-8: {match!r}", hint="rename it")
        return matches

    def has_match(self, glob: str) -> bool:
        """Return whether any path matches a glob."""
        return bool(self._walk(glob))

    def _walk(self, glob: str) -> tuple[str, ...]:
        with self._lock:
            generation = self._generation
            if glob in self._matches:
                return self._matches[glob]
        from weaselish.files.globs import GlobWalk

        walk = GlobWalk(self._root, glob, self._cancel, self._observer.listing(glob))
        matches = tuple(sorted(walk.matches()))
        with self._lock:
            if generation == self._generation:
                self._matches[glob] = matches
        return matches

    def names_in(self, dep: str) -> tuple[bytes, ...] | None:
        """Return the paths in a dep that its digest counts, sorted; None if it is a file. Raises Unreadable."""
        top = os.path.join(os.fsencode(self._root), os.fsencode(dep))
        return tuple(name for name, _ in self._walker.walk(dep, top, "dep")) if os.path.isdir(top) else None

    # -- manifests --------------------------------------------------------------------------------------------------

    def keep_manifest(self, path: str, view: View, digest: str) -> None:
        """Keep the manifest of a directory that was just digested, for `difference`."""
        self._cache.keep_manifest(path, view, digest)

    def manifest(self, digest: str) -> list[ManifestEntry]:
        """Return the entries of a directory by its digest; none if its manifest was not kept."""
        return self._cache.manifest(digest) or []

    def difference(self, then: str, now: str) -> str | None:
        """Describe in a few words what changed between two directories, given by digest; None without manifests."""
        old, new = self._cache.manifest(then), self._cache.manifest(now)
        return None if old is None or new is None else differences(old, new)

    # -- restored outputs -------------------------------------------------------------------------------------------

    def past_time(self) -> int | None:
        """Return the mtime, in ns since 1970, for files whose digests `put_restored` will take over."""
        return self._clock.past_time()

    def put_restored(self, outputs: Mapping[str, tuple[Path, Iterable[ManifestEntry]]], modified: int | None) -> None:
        """Take over the digests of outputs that this process has just written, without reading them.

        `outputs` maps an output to its current location and its content. Its files have the mtime `modified`, which
        `past_time` gave. This waits until the file system's clock has ticked, so that any later write to a file shows
        in its times. An output that differs from its content is not taken over. A directory may move to its final
        path afterwards. A file must already be at its final path, because moving it changes its ctime.
        """
        if not outputs or modified is None:
            return
        written_until = self._clock.now()
        if not self._clock.ticks_after(written_until):
            return
        for output, (location, entries) in outputs.items():
            with suppress(OSError, Unreadable):  # the next reader of this output reports it
                content = self._reader.take_over(output, location, entries, modified, written_until)
                if content is not None:
                    with self._lock:
                        self._results[output, "output"] = content

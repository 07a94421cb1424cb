"""Digests of files and directories, and the stat cache that knows them without reading.

A path is seen in one of two views. As a *dep*, links count as what they lead to, and what .projignore names is left
out. As an *output*, a link inside is a link; the output itself, if it is one, counts as what it leads to.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from weaselish.files.stat_cache import (
    FileStat,
    KnownFiles,
    Mark,
    Seen,
    Stamp,
    StatCache,
    file_mark,
    settled_from,
    stat_of,
    target_of,
)
from weaselish.files.walk import Unreadable, Vanished, View, Walker, unreadable
from weaselish.model.paths import is_glob
from weaselish.plan.digests import TREE_SUFFIX, Algorithm, ManifestEntry, differences, digest_bytes, manifest, new_hash

BLOCK = 1 << 20  # bytes read at a time
_BLOCK_FOR_THREADS = 1 << 22  # BLAKE3 hashes parts of a block at the same time
_TRIES = 3  # to look at what somebody is changing
_THREADED = 1 << 20  # files from this size on are hashed in threads


class Digested(NamedTuple):
    """What lies at a path: its digest, its bytes in all, and how many files."""

    digest: str
    size: int
    files: int


_KINDS: dict[int, Literal["f", "l", "d"]] = {ord("f"): "f", ord("l"): "l", ord("d"): "d"}


class Digests:
    """The digests of one project's paths. Thread-safe.

    What was seen stays in memory until `forget`: call it when something may have changed the disk.
    """

    def __init__(self, root: Path, algorithm: Algorithm = "md5", *, cache: Path | None = None) -> None:
        self._root = os.fsencode(root)
        self._algorithm = algorithm
        self._cache = StatCache(cache, algorithm)
        self._walker = Walker(root)
        self._seen: dict[tuple[str, View], Digested | None] = {}
        self._lock = threading.Lock()
        self._generation = 0

    def of(self, path: str, view: View) -> Digested | None:
        """What lies at `path` (relative to the project), or None. Raises Unreadable."""
        key = (path, view)
        with self._lock:
            if key in self._seen:
                return self._seen[key]
            generation = self._generation
        found = self._look(path, view)
        with self._lock:
            if generation == self._generation:
                self._seen[key] = found
        return found

    def digest(self, path: str, view: View) -> str | None:
        found = self.of(path, view)
        return None if found is None else found.digest

    def long_ago(self) -> int | None:
        """A time of modification, in ns since 1970, for the files of outputs that are going to be `put`."""
        return self._cache.long_ago()

    def put(self, made: Mapping[str, tuple[Path, Iterable[ManifestEntry]]], modified: int | None) -> None:
        """Take as read, and seen, what was made for outputs, where it lies now; nobody else could write to it so far.

        Its files have `modified` as their time, which `long_ago` gave, and the file system's clock goes on before they
        are looked at: whatever is written to one from now on shows. What is not as it was made is read when asked for.
        A directory may be moved to the output's place after this; a file whose name changes gets another ctime.
        """
        if not made or modified is None:
            return
        done = self._cache.now()
        if self._cache.has_ticked_since(done):
            for output, (place, entries) in made.items():
                with suppress(OSError, Unreadable):  # whoever asks for it will hear of that
                    digested = self._put(output, os.fsencode(place), sorted(entries), modified, done)
                    if digested is not None:
                        with self._lock:
                            self._seen[output, "output"] = digested

    def _put(self, output: str, full: bytes, made: list[ManifestEntry], modified: int, done: int) -> Digested | None:
        status = os.stat(full)
        is_file = stat.S_ISREG(status.st_mode)
        seen = [(b"", file_mark(status))] if is_file else self._walker.walk(output, full, "output")
        stats = [found for _, mark in seen if (found := stat_of(mark)) is not None]
        files_as_made = all(found.mtime == modified and found.ctime <= done for found in stats)
        if not files_as_made or not self._is_as_made(seen, made) or not self._cache.is_on(status.st_dev):
            return None
        looked = settled_from(done)
        if is_file:
            self._cache.put_file(output, stats[0], made[0].digest, looked)
            return Digested(made[0].digest, stats[0].size, 1)
        return self._keep(output, "output", seen, [entry.digest for entry in made], looked)

    def _is_as_made(self, seen: Seen, made: list[ManifestEntry]) -> bool:
        """Whether a walk saw these entries; of a file, that it is there."""
        if [(name, _KINDS[mark[0]]) for name, mark in seen] != [(entry.path, entry.kind) for entry in made]:
            return False
        links = ((target_of(mark), entry.digest) for (_, mark), entry in zip(seen, made, strict=True))
        return all(target is None or _link_digest(target, self._algorithm) == digest for target, digest in links)

    def stamp(self, dep: str) -> Stamp:
        """What stat said of a dep when it was last looked at: tells whether it was written to meanwhile."""
        return self._cache.stamp(dep, "dep")

    def of_dep(self, dep: str) -> list[tuple[str, str | None]]:
        """The paths that a dep stands for, with their digests. A path that exists is meant literally, glob or not."""
        digest = self.digest(dep, "dep")
        if digest is None and is_glob(dep):
            matches = self.matches(dep)
            if matches:
                return [(match, self.digest(match, "dep")) for match in matches]
        return [(dep, digest)]

    def matches(self, glob: str) -> list[str]:
        import glob as globbing

        root = os.fsdecode(self._root)
        found = globbing.glob(glob, root_dir=root, recursive=True)  # finds `x/` for `x/**` where there is no x
        matches = sorted({os.path.normpath(match) for match in found if os.path.lexists(os.path.join(root, match))})
        for match in matches:
            if not match.isprintable():
                raise Unreadable(f"`{glob}` matches a file whose name is not text: {match!r}", hint="rename it")
        return matches

    def keep_manifest(self, path: str, view: View, digest: str) -> None:
        """Keep what a directory holds, for `differences` from it."""
        self._cache.keep_manifest(path, view, digest)

    def difference(self, then: str, now: str) -> str | None:
        """What changed between two directories, by their digests, in a few words. None where it is not known."""
        old, new = self._cache.manifest(then), self._cache.manifest(now)
        return None if old is None or new is None else differences(old, new)

    def links(self, path: str) -> list[tuple[str, str]]:
        """(path in it, target) of the links in a directory that was just looked at as an output."""
        links = self._cache.links(path, "output")
        return [(os.fsdecode(name), os.fsdecode(target)) for name, target in links]

    def forget(self) -> None:
        """The disk may have changed: look again from now on."""
        with self._lock:
            self._generation += 1
            self._seen.clear()

    def save(self) -> None:
        """Write the stat cache, if there is a place for it."""
        self._cache.save()

    def _look(self, path: str, view: View) -> Digested | None:
        for _ in range(_TRIES - 1):
            with suppress(Vanished):
                return self._look_once(path, view)
        return self._look_once(path, view)

    def _look_once(self, path: str, view: View) -> Digested | None:
        full = os.path.join(self._root, os.fsencode(path))
        try:
            status = os.stat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if view == "dep" and os.path.islink(full):  # one that leads to itself
                return Digested(_link_digest(os.readlink(os.fsencode(full)), self._algorithm), 0, 0)
            raise Unreadable(f"`{path}` cannot be looked at: {error.strerror}") from None
        if stat.S_ISREG(status.st_mode):
            return self._file(path, full, FileStat.of(status))
        if stat.S_ISDIR(status.st_mode):
            return self._tree(path, full, view)
        raise Unreadable(f"`{path}` is neither a file nor a directory")

    def _file(self, path: str, full: bytes, status: FileStat) -> Digested:
        digest = self._cache.file(path, status)
        if digest is None:
            looked = self._cache.now()
            digest = hash_file(full, self._algorithm, status.size)
            self._cache.put_file(path, status, digest, looked)
        return Digested(digest, status.size, 1)

    def _tree(self, path: str, full: bytes, view: View) -> Digested:
        """One walk; where all that it sees is what the cache saw nothing is read, else only what differs."""
        seen = self._walker.walk(path, full, view)
        known = self._cache.tree(path, view, seen)
        if known is not None:
            return Digested(*known)
        looked = self._cache.now()
        return self._keep(path, view, seen, self._hash_new(path, full, view, seen), looked)

    def _keep(self, path: str, view: View, seen: Seen, digests: list[str], looked: int) -> Digested:
        """Keep the digests of what a walk saw, in its order; that of the directory."""
        text = manifest(
            ManifestEntry(name, _KINDS[mark[0]], digest) for (name, mark), digest in zip(seen, digests, strict=True)
        )
        stats = [status for _, mark in seen if (status := stat_of(mark)) is not None]
        newest = max((max(status.mtime, status.ctime) for status in stats), default=0)
        size = sum(status.size for status in stats)
        digested = Digested(digest_bytes(text, self._algorithm) + TREE_SUFFIX, size, len(stats))
        self._cache.put_tree(path, view, seen, newest, text, looked, digested)
        return digested

    def _hash_new(self, path: str, full: bytes, view: View, seen: Seen) -> list[str]:
        """The digests of what a walk saw, in its order: from the cache where it saw the same."""
        known = [self._cache.known_files(path, one) for one in (view, "output" if view == "dep" else "dep")]
        digests: list[str] = []
        new: list[int] = []
        files: list[tuple[bytes, int]] = []
        for index, (name, mark) in enumerate(seen):
            status = stat_of(mark)
            if status is None:
                target = target_of(mark)
                digests.append("-" if target is None else _link_digest(target, self._algorithm))
                continue
            digests.append(_trusted(known, (name, mark), status))
            if not digests[-1]:
                new.append(index)
                files.append((full + b"/" + name, status.size))
        for index, digest in zip(new, hash_files(files, self._algorithm), strict=True):
            digests[index] = digest
        return digests


def _trusted(known: Sequence[KnownFiles], seen: tuple[bytes, Mark], status: FileStat) -> str:
    """The digest of a file as the cache knows it; empty if it may not be trusted."""
    for files, looked in known:
        digest = files.get(seen)
        if digest is not None and status.settled_at(looked):
            return digest
    return ""


def _link_digest(target: bytes, algorithm: Algorithm) -> str:
    return digest_bytes(target, algorithm)


def hash_file(path: bytes | str, algorithm: Algorithm, size: int = BLOCK) -> str:
    """The digest of a file's bytes. `size` is what stat said: a small file is read at once. Raises Unreadable."""
    running = new_hash(algorithm)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if size < BLOCK:
                left = size
                while block := os.read(fd, max(size + 1, 4096)):
                    running.update(block)
                    left -= len(block)
                    if not left:
                        break
            else:
                buffer = memoryview(bytearray(BLOCK if algorithm == "md5" else _BLOCK_FOR_THREADS))
                while count := os.readv(fd, [buffer]):
                    running.update(buffer[:count])
        finally:
            os.close(fd)
    except OSError as error:
        raise unreadable(path, "read", error) from None
    return running.hexdigest()


def hash_files(files: Sequence[tuple[bytes, int]], algorithm: Algorithm) -> Iterator[str]:
    """The digests of many files, (path, size in bytes), in order; in threads if one is large."""
    if len(files) == 1 or not any(size >= _THREADED for _, size in files):
        yield from (hash_file(path, algorithm, size) for path, size in files)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        yield from threads.map(lambda file: hash_file(file[0], algorithm, file[1]), files)

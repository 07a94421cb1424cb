"""Digests of files and directories, and the stat cache that knows them without reading.

A path is seen in one of two views. As a *dep*, links count as what they lead to, and what .projignore names is left
out. As an *output*, a link inside is a link; the output itself, if it is one, counts as what it leads to.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from weaselish.errors import ProjError
from weaselish.model.paths import is_glob
from weaselish.plan.digests import TREE_SUFFIX, Algorithm, Entry, differences, digest_bytes, manifest, new_hash
from weaselish.workspace.stat_cache import FileStat, Stamp, StatCache

View = Literal["dep", "output"]

BLOCK = 1 << 20  # bytes read at a time
_TRIES = 3  # to look at what somebody is changing
_THREADED = 1 << 20  # files from this size on are hashed in threads
_IGNORED = frozenset((b"__pycache__", b".ipynb_checkpoints", b".DS_Store"))
_LEFT_BY_A_SWAP = re.compile(rb"\.proj-(new|old|gone)-")
_IGNORED_AT_ROOT = frozenset((b".proj", b".git", b"project.lock"))


class Digested(NamedTuple):
    """What lies at a path: its digest, its bytes in all, and how many files."""

    digest: str
    size: int
    files: int


class Unreadable(ProjError):
    pass


class _Vanished(Unreadable):
    """What was there is not any more: somebody is at work there."""


class Found(NamedTuple):
    """An entry that a walk found. `path` as for `Entry`; `target`: a link's text, where it counts as a link."""

    path: bytes
    stat: FileStat | None  # of a file
    target: bytes | None  # of a link
    full: bytes


class Digests:
    """The digests of one project's paths. Thread-safe.

    What was seen stays in memory until `forget`: call it when something may have changed the disk.
    """

    def __init__(self, root: Path, algorithm: Algorithm = "md5", *, cache: Path | None = None) -> None:
        self._root = os.fsencode(root)
        self._algorithm = algorithm
        self._cache = StatCache(cache, algorithm)
        self._ignored = _projignore(root)
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
            with suppress(_Vanished):
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
            digest = hash_file(full, self._algorithm)
            self._cache.put_file(path, status, digest, looked)
        return Digested(digest, status.size, 1)

    def _tree(self, path: str, full: bytes, view: View) -> Digested:
        """One walk; where its stats are those of the cache nothing is read, else only what differs."""
        found = sorted(self._walk(path, full, view))
        known = self._cache.tree(path, view, found_stats(found))
        if known is not None:
            return Digested(*known)
        looked = self._cache.now()
        digests = self._hash_new(path, view, found)
        entries = [_entry(item, digest) for item, digest in zip(found, digests, strict=True)]
        text = manifest(entries)
        size = sum(item.stat.size for item in found if item.stat)
        files = sum(1 for item in found if item.stat)
        digested = Digested(digest_bytes(text, self._algorithm) + TREE_SUFFIX, size, files)
        self._cache.put_tree(path, view, found_stats(found), text, looked, (digested.digest, size, files))
        return digested

    def _hash_new(self, path: str, view: View, found: list[Found]) -> list[str]:
        """The digests of what a walk found, in its order: from the cache where the stat is the same."""
        known = self._cache.known_files(path, view)
        digests: list[str | None] = []
        for item in found:
            if item.stat is None:
                digests.append("-" if item.target is None else _link_digest(item.target, self._algorithm))
            else:
                digests.append(known.get((item.path, item.stat)))
        missing = [index for index, digest in enumerate(digests) if digest is None]
        paths = [(found[index].full, found[index].stat) for index in missing]
        for index, digest in zip(missing, hash_files(paths, self._algorithm), strict=True):
            digests[index] = digest
        return [digest or "" for digest in digests]

    def _walk(self, path: str, top: bytes, view: View) -> Iterator[Found]:
        """All files, links and empty directories below `top`, each once, paths relative to it."""
        at_root = top == os.path.join(self._root, b".")
        ignored = self._ignored if view == "dep" else None
        pending: list[tuple[bytes, bytes, tuple[tuple[int, int], ...]]] = [(top, b"", ())]
        while pending:
            directory, prefix, above = pending.pop()
            empty = True
            for entry in _scan(directory):
                name = entry.name
                if view == "dep" and _is_ignored(name, at_top=at_root and not prefix):
                    continue
                relative = prefix + name
                if ignored and ignored(path, relative, _is_dir(entry)):
                    continue
                empty = False
                try:
                    item = self._found(entry, relative, view, above)
                except OSError as error:
                    raise _unreadable(entry.path, "looked at", error) from None
                if isinstance(item, Found):
                    yield item
                else:
                    pending.append((entry.path, relative + b"/", item))
            if empty and prefix:
                yield Found(prefix[:-1], None, None, directory)

    def _found(
        self, entry: os.DirEntry[bytes], relative: bytes, view: View, above: tuple[tuple[int, int], ...]
    ) -> Found | tuple[tuple[int, int], ...]:
        """What a directory entry is: something to digest, or (as the directories above it) a directory to enter."""
        is_link = entry.is_symlink()
        if is_link and view == "output":
            return Found(relative, None, os.readlink(entry.path), entry.path)
        if _is_dir(entry):
            if not is_link and not above:
                return above
            here = entry.stat()
            identity = (here.st_dev, here.st_ino)
            if is_link and (identity in above or _is_above(entry.path, identity)):
                return Found(relative, None, os.readlink(entry.path), entry.path)
            return (*above, identity)
        try:
            status = entry.stat()
        except OSError:
            if is_link:  # dangling, or a loop
                return Found(relative, None, os.readlink(entry.path), entry.path)
            raise
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"`{_shown(entry.path)}` is neither a file, a directory nor a link", hint="remove it")
        return Found(relative, FileStat.of(status), None, entry.path)


def found_stats(found: Iterable[Found]) -> list[tuple[bytes, FileStat | None, bytes | None]]:
    return [(item.path, item.stat, item.target) for item in found]


def _entry(item: Found, digest: str) -> Entry:
    if item.stat is not None:
        return Entry(item.path, "f", digest)
    return Entry(item.path, "d" if item.target is None else "l", digest)


def _scan(directory: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise _unreadable(directory, "read", error) from None


def _unreadable(path: bytes | str, what: str, error: OSError) -> Unreadable:
    kind = _Vanished if isinstance(error, (FileNotFoundError, NotADirectoryError)) else Unreadable
    return kind(f"`{os.fsdecode(path)}` cannot be {what}: {error.strerror}")


def _is_ignored(name: bytes, *, at_top: bool) -> bool:
    if name in _IGNORED or (at_top and name in _IGNORED_AT_ROOT):
        return True
    return name.startswith(b".") and _LEFT_BY_A_SWAP.search(name) is not None


def _is_dir(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_above(link: bytes, identity: tuple[int, int]) -> bool:
    """Whether a directory that `link` leads to is one that it lies in."""
    directory = os.path.dirname(link)
    while True:
        status = os.stat(directory)
        if (status.st_dev, status.st_ino) == identity:
            return True
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent


def _link_digest(target: bytes, algorithm: Algorithm) -> str:
    return digest_bytes(target, algorithm)


def _shown(path: bytes) -> str:
    return os.fsdecode(path)


def hash_file(path: bytes | str, algorithm: Algorithm) -> str:
    """The digest of a file's bytes, read in large blocks. Raises Unreadable."""
    running = new_hash(algorithm)
    buffer = memoryview(bytearray(BLOCK))
    try:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                running.update(buffer[:count])
    except OSError as error:
        raise _unreadable(path, "read", error) from None
    return running.hexdigest()


def hash_files(files: list[tuple[bytes, FileStat | None]], algorithm: Algorithm) -> Iterator[str]:
    """The digests of many files, in order; large ones in threads."""
    if not any(status and status.size >= _THREADED for _, status in files) or len(files) == 1:
        yield from (hash_file(path, algorithm) for path, _ in files)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        yield from threads.map(lambda file: hash_file(file[0], algorithm), files)


Ignored = Callable[[str, bytes, bool], bool]


def _projignore(root: Path) -> Ignored | None:
    """What .projignore names: a test of (directory, path below it, whether that is a directory)."""
    try:
        lines = (root / ".projignore").read_text("utf-8", "surrogateescape").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda top, path, is_dir: spec.match_file(
        os.path.normpath(f"{top}/{os.fsdecode(path)}") + ("/" if is_dir else "")
    )

"""Finds what goes into a snapshot of a project, without reading any file."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.engine.snapshot.left_out import LeftOut, Why
from weaselish.engine.snapshot.sha256_cache import Sha256Cache
from weaselish.files.file_stat import FileStat
from weaselish.files.reading import Advance, ignore
from weaselish.plan.snapshot_entries import DirectoryEntry, LinkEntry


@dataclass(slots=True)
class LocalFile:
    """A file of the project. `sha256` is None until it is read, unless the cache has it."""

    path: str
    mode: int
    stat: FileStat
    sha256: str | None

    @property
    def size(self) -> int:
        return self.stat.size


@dataclass(slots=True)
class Collected:
    """What is in a project's directory. `outputs`: those that were found. `unreadable`: (path, reason)."""

    files: list[LocalFile] = field(default_factory=list)
    links: list[LinkEntry] = field(default_factory=list)
    directories: list[DirectoryEntry] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    left_out: list[tuple[str, Why]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def collect(
    root: Path,
    left_out: LeftOut,
    cache: Sha256Cache,
    cancel: Cancel,
    *,
    max_size: int | None,
    outputs: Collection[str] = (),
    advance: Advance = ignore,
) -> Collected:
    """Walk the project once. Paths in `outputs` are not entered: runs on the remote hold them.

    A directory that is empty, or of which everything was left out, is an entry. Raises Cancelled.
    """
    return _Walk(root, left_out, cache, cancel, max_size, outputs).run(advance)


class _Walk:
    def __init__(
        self,
        root: Path,
        left_out: LeftOut,
        cache: Sha256Cache,
        cancel: Cancel,
        max_size: int | None,
        outputs: Collection[str],
    ) -> None:
        self._root = os.fspath(root)
        self._left_out = left_out
        self._cache = cache
        self._cancel = cancel
        self._max_size = max_size
        self._outputs = frozenset(outputs)
        self._found = Collected()

    def run(self, advance: Advance) -> Collected:
        pending = [""]
        while pending:
            self._cancel.check()
            prefix = pending.pop()
            before = len(self._found.files)
            is_empty = True
            for entry in self._scan(prefix):
                path = prefix + entry.name
                kept, is_directory = self._add(entry, path)
                is_empty = is_empty and not kept
                if is_directory:
                    pending.append(f"{path}/")
            if is_empty and prefix:
                self._add_empty(prefix[:-1])
            advance(len(self._found.files) - before)
        return self._found

    def _scan(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{prefix}") as entries:
                return list(entries)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):  # removed since its parent was listed
                self._found.unreadable.append((prefix.rstrip("/") or ".", error.strerror or str(error)))
            return []

    def _add(self, entry: os.DirEntry[str], path: str) -> tuple[bool, bool]:
        """Add one entry of a directory. Return whether it is in the snapshot, and whether to walk it."""
        try:
            status = entry.stat(follow_symlinks=False)
            is_directory = stat.S_ISDIR(status.st_mode)
            why = self._left_out.why(path, entry.name, is_directory=is_directory) or self._why(status)
            if why is not None:
                self._found.left_out.append((path, why))
                return False, False
            if path in self._outputs:
                self._found.outputs.add(path)
                return True, False
            if stat.S_ISLNK(status.st_mode):
                self._found.links.append(LinkEntry(path, os.readlink(entry.path)))
            elif not is_directory:
                self._add_file(path, status)
        except FileNotFoundError:
            return False, False
        except OSError as error:
            self._found.unreadable.append((path, error.strerror or str(error)))
            return True, False
        return True, is_directory

    def _why(self, status: os.stat_result) -> Why | None:
        kind = stat.S_IFMT(status.st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            return Why.SPECIAL
        if kind == stat.S_IFREG and self._max_size is not None and status.st_size > self._max_size:
            return Why.TOO_LARGE
        return None

    def _add_file(self, path: str, status: os.stat_result) -> None:
        known = FileStat.of(status)
        self._found.files.append(LocalFile(path, status.st_mode & 0o777, known, self._cache.get(path, known)))

    def _add_empty(self, path: str) -> None:
        try:
            mode = os.lstat(f"{self._root}/{path}").st_mode
        except OSError:
            return
        if stat.S_ISDIR(mode):
            self._found.directories.append(DirectoryEntry(path, mode & 0o777))

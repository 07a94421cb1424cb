"""Compares the entries of a snapshot with a directory, and finds what a pull would replace. Changes nothing."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.engine.snapshot.collect import LocalFile
from weaselish.engine.snapshot.local_files import LocalFiles, NotReadable
from weaselish.engine.snapshot.sha256_cache import Sha256Cache
from weaselish.files.file_stat import FileStat
from weaselish.files.reading import Advance, ignore
from weaselish.model.paths import ancestors
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot_entries import DirectoryEntry, Entry, FileEntry, LinkEntry


class Replaced(NamedTuple):
    """Something local that a pull would replace: a file by its digest, a link by its target, or a directory.

    `sha256` and `target` are None for a directory, and for what cannot be read.
    """

    path: str
    sha256: str | None = None
    target: str | None = None


@dataclass(slots=True)
class Comparison:
    """What a pull has to do. `stats`: of the files that it replaces, None for what is not a file."""

    files: list[FileEntry] = field(default_factory=list)
    links: list[LinkEntry] = field(default_factory=list)
    directories: list[DirectoryEntry] = field(default_factory=list)
    modes: list[FileEntry | DirectoryEntry] = field(default_factory=list)
    replaced: dict[str, Replaced] = field(default_factory=dict)
    stats: dict[str, FileStat] = field(default_factory=dict)
    unchanged: int = 0


def compare(
    root: Path, entries: Iterable[Entry], cache: Sha256Cache, cancel: Cancel, advance: Advance = ignore
) -> Comparison:
    """Compare files, links and empty directories with what is in `root`. Raises Cancelled."""
    comparing = _Comparing(root, cache, cancel)
    for entry in entries:
        cancel.check()
        if not isinstance(entry, FileEntry | LinkEntry | DirectoryEntry):
            continue
        comparing.add(entry)
        advance(1)
    return comparing.result


class _Comparing:
    def __init__(self, root: Path, cache: Sha256Cache, cancel: Cancel) -> None:
        self._root = os.fspath(root)
        self._files = LocalFiles(root, cache, cancel)
        self._cache = cache
        self._cancel = cancel
        self._are_directories: dict[str, bool] = {".": True}
        self.result = Comparison()

    def add(self, entry: FileEntry | LinkEntry | DirectoryEntry) -> None:
        status = self._status(entry.path)
        if isinstance(entry, DirectoryEntry):
            self._add_directory(entry, status)
        elif isinstance(entry, LinkEntry):
            self._add_link(entry, status)
        else:
            self._add_file(entry, status)

    def _status(self, path: str) -> os.stat_result | None:
        """Return what is at a path, None if nothing is, or if something else than a directory is above it."""
        for directory in ancestors(path):
            if directory not in self._are_directories:
                self._are_directories[directory] = self._is_directory(directory)
            if not self._are_directories[directory]:
                return None
        return self._lstat(path)

    def _is_directory(self, path: str) -> bool:
        status = self._lstat(path)
        if status is not None and not stat.S_ISDIR(status.st_mode):
            self._replace(path, status)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def _lstat(self, path: str) -> os.stat_result | None:
        try:
            return os.lstat(f"{self._root}/{path}")
        except OSError:
            return None

    def _add_file(self, entry: FileEntry, status: os.stat_result | None) -> None:
        if status is not None and stat.S_ISREG(status.st_mode):
            file = self._digested(entry.path, status)
            if file.sha256 == entry.sha256:
                self._keep(entry, status)
                return
        if status is not None:
            self._replace(entry.path, status)
        self.result.files.append(entry)

    def _add_link(self, entry: LinkEntry, status: os.stat_result | None) -> None:
        if status is not None:
            if stat.S_ISLNK(status.st_mode) and self._target(entry.path) == entry.target:
                self.result.unchanged += 1
                return
            self._replace(entry.path, status)
        self.result.links.append(entry)

    def _add_directory(self, entry: DirectoryEntry, status: os.stat_result | None) -> None:
        if status is not None and stat.S_ISDIR(status.st_mode):
            self._keep(entry, status)
            return
        if status is not None:
            self._replace(entry.path, status)
        self.result.directories.append(entry)

    def _keep(self, entry: FileEntry | DirectoryEntry, status: os.stat_result) -> None:
        if status.st_mode & 0o777 == entry.mode:
            self.result.unchanged += 1
        else:
            self.result.modes.append(entry)

    def _replace(self, path: str, status: os.stat_result) -> None:
        if stat.S_ISLNK(status.st_mode):
            self.result.replaced[path] = Replaced(path, target=self._target(path))
        elif stat.S_ISREG(status.st_mode):
            file = self._digested(path, status)
            self.result.replaced[path] = Replaced(path, sha256=file.sha256)
            self.result.stats[path] = file.stat
        else:
            self.result.replaced[path] = Replaced(path)

    def _target(self, path: str) -> str | None:
        try:
            return os.readlink(f"{self._root}/{path}")
        except OSError:
            return None

    def _digested(self, path: str, status: os.stat_result) -> LocalFile:
        """Return a local file with its digest, without one if it cannot be read."""
        known = FileStat.of(status)
        file = LocalFile(path, status.st_mode & 0o777, known, self._cache.get(path, known))
        if file.sha256 is None:
            with contextlib.suppress(NotReadable):
                self._files.hash(file, lambda size: self._cancel.check())
        return file

"""Remembers the SHA-256 of a project's files by their stat, so that no unchanged file is read again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.clock import DiskClock
from weaselish.files.file_stat import FileStat
from weaselish.plan.snapshot_values import is_sha256

_NAME = "sha256.json"
_FIELDS = 6
_FORMAT = 1  # not a promise: another format counts as an empty cache


_Row = list[Any]  # the fields of FileStat, when the file was checked, its digest


class Sha256Cache:
    """The digests of files by path. `directory` is None where nothing may be kept. Not thread-safe."""

    def __init__(self, directory: Path | None) -> None:
        self._file = None if directory is None else directory / _NAME
        self._clock = DiskClock(directory)
        self._now = self._clock.now()  # before any file was looked at
        self._rows: dict[str, _Row] | None = None
        self._is_changed = False

    def get(self, path: str, status: FileStat) -> str | None:
        """Return the digest of a file whose stat is unchanged and can be trusted."""
        row = self._all().get(path)
        if row is None or tuple(row[:4]) != status or not self._clock.is_settled(status.changed, row[4]):
            return None
        return row[5] if is_sha256(row[5]) else None

    def put(self, path: str, status: FileStat, sha256: str) -> None:
        """Keep the digest of a file that was read after this cache was opened, and had this stat before and after."""
        if self._clock.is_settled(status.changed, self._now):
            self._all()[path] = [*status, self._now, sha256]
            self._is_changed = True

    def save(self) -> None:
        """Write the cache; what cannot be written is lost."""
        if self._file is not None and self._is_changed:
            with contextlib.suppress(OSError):
                write_cache(self._file, {"format": _FORMAT, "files": self._all()})
            self._is_changed = False

    def _all(self) -> dict[str, _Row]:
        if self._rows is None:
            self._rows = self._load()
        return self._rows

    def _load(self) -> dict[str, _Row]:
        if self._file is None:
            return {}
        try:
            data = read_cache(self._file)
            if data["format"] != _FORMAT:
                return {}
            rows: dict[str, _Row] = data["files"]
            return rows if all(len(row) == _FIELDS for row in rows.values()) else {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

"""Moves what a pull downloaded to its place, below one directory and never through a link."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from weaselish.engine.snapshot.compare import Comparison
from weaselish.engine.snapshot.download import Downloaded
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.atomic import flush_file_system, sync_directory, writing
from weaselish.files.file_stat import FileStat
from weaselish.files.remove import remove
from weaselish.model.paths import ancestors
from weaselish.plan.snapshot_entries import DirectoryEntry, FileEntry, LinkEntry


class Placer:
    """Places the entries of one snapshot in `root`. What it may replace is in `comparison`, as it was then."""

    def __init__(self, root: Path, staging: Path, comparison: Comparison) -> None:
        self._root = root
        self._staging = staging
        self._comparison = comparison
        self._checked: set[str] = {"."}  # directories that exist and are not behind a link
        self._touched: set[str] = set()  # directories to flush

    def place(self, files: Sequence[Downloaded]) -> None:
        """Flush downloaded files to the disk, then move each to its path."""
        if not files:
            return
        with writing(f"`{self._staging}`"):
            _flush(self._staging)
        for one in files:
            with writing(f"`{one.entry.path}`"):
                self._prepare(one.entry.path)
                os.chmod(one.file, one.entry.mode)
                self._move(one.file, self._full(one.entry.path))

    def place_link(self, entry: LinkEntry) -> None:
        with writing(f"`{entry.path}`"):
            self._prepare(entry.path)
            new = os.fspath(self._staging / "link")
            os.symlink(entry.target, new)
            try:
                self._move(new, self._full(entry.path))
            finally:
                if os.path.lexists(new):
                    os.unlink(new)

    def place_directory(self, entry: DirectoryEntry) -> None:
        with writing(f"`{entry.path}`"):
            self._prepare(entry.path, is_directory=True)
            if not os.path.isdir(self._full(entry.path)):
                os.mkdir(self._full(entry.path))
            os.chmod(self._full(entry.path), entry.mode)

    def set_mode(self, entry: FileEntry | DirectoryEntry) -> None:
        with writing(f"`{entry.path}`"):
            self._check_above(entry.path)
            if not os.path.islink(self._full(entry.path)):
                os.chmod(self._full(entry.path), entry.mode)

    def remove(self, path: str) -> None:
        """Remove an extra file or link, and the directories that become empty."""
        with writing(f"`{path}`"):
            self._check_above(path)
            if os.path.lexists(self._full(path)):
                os.unlink(self._full(path))
        for directory in reversed(ancestors(path)[1:]):
            try:
                os.rmdir(self._full(directory))
            except OSError:
                return
            self._checked.discard(directory)

    def flush(self) -> None:
        """Flush the directories, so that all renames survive a power cut."""
        for directory in self._touched:
            if os.path.isdir(self._full(directory)):
                with writing(f"`{directory}`"):
                    sync_directory(self._root / directory)

    def _full(self, path: str) -> str:
        return os.path.join(self._root, path)

    def _prepare(self, path: str, *, is_directory: bool = False) -> None:
        """Create the directories above a path, and clear it of what must not be there. Raises ProjError and OSError."""
        self._check_above(path)
        self._touched.add(os.path.dirname(path) or ".")
        self._clear(path, is_directory=is_directory)

    def _check_above(self, path: str) -> None:
        for directory in ancestors(path):
            if directory not in self._checked:
                self._clear(directory, is_directory=True)
                if not os.path.lexists(self._full(directory)):
                    os.mkdir(self._full(directory))
                self._touched.add(os.path.dirname(directory) or ".")
                self._checked.add(directory)

    def _clear(self, path: str, *, is_directory: bool) -> None:
        """Check that only what the comparison found is at a path, and remove it unless a rename can replace it.

        `is_directory`: a directory is to be there, and may be already.
        """
        full = self._full(path)
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            return
        replaced = self._comparison.replaced.get(path)
        if stat.S_ISDIR(status.st_mode):
            if not is_directory and replaced is not None:
                remove(Path(full))
        elif replaced is None:
            if stat.S_ISLNK(status.st_mode):
                raise UnsafePath(f"`{path}` became a link while the snapshot was pulled", hint="pull again")
            raise _changed(path)
        elif path in self._comparison.stats and FileStat.of(status) != self._comparison.stats[path]:
            raise _changed(path)
        elif is_directory:
            os.unlink(full)

    def _move(self, new: str, target: str) -> None:
        try:
            os.replace(new, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            beside = f"{os.path.dirname(target)}/.snapshot.proj-new-{os.urandom(4).hex()}"
            try:
                shutil.copy2(new, beside, follow_symlinks=False)
                os.replace(beside, target)
            finally:
                remove(Path(beside))


def _changed(path: str) -> ProjError:
    return ProjError(f"`{path}` changed while the snapshot was pulled", hint="pull again: what is right already stays")


def _flush(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flush_file_system(fd)
    finally:
        os.close(fd)

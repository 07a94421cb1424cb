"""A store in a directory, local or on a network file system: one file per object."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import NotInStore, StoreError
from weaselish.stores.base import Stored
from weaselish.stores.directory_writes import ABSENT, Temporaries, explained, flush_directory, is_file, place
from weaselish.stores.keys import check_key, is_key

TEMPORARY = ".proj-tmp"  # below the store's directory: files being written; keys must not begin with it
NFS_DELETED = ".nfs0"  # begins the names under which NFS keeps deleted files that a process still reads
BLOCK = 2**20  # bytes per read


class DirectoryStore:
    """Objects as files below `path`, which the first `put` creates. `remote` is how messages name the store.

    `put` writes an object to a temporary file, flushes it to the disk, then links it to its path, or renames it to
    replace an object. So neither readers nor killed writers leave or see half an object. Of two keys, one must not be
    the parent of the other (`a` and `a/b`).

    A cache creates missing parents of `path`, and does not flush: a crash of the system may leave broken objects.
    """

    def __init__(
        self, path: Path, *, remote: str | None = None, cancel: Cancel | None = None, is_cache: bool = False
    ) -> None:
        self._root = path
        self._is_cache = is_cache
        self._remote = remote or f"remote `{path}`"
        self._cancel = cancel or Cancel()
        self._temporaries = Temporaries(path / TEMPORARY, self._remote, self._cancel, flushes=not is_cache)

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._walk(self._path(prefix) if prefix else self._root, f"{prefix}/" if prefix else "")

    def head(self, key: str) -> Stored | None:
        path = self._path(key)
        self._cancel.check()
        with explained(self._remote, f"looking for `{key}`"):
            try:
                status = path.stat()
            except ABSENT:
                self._check_parent()
                return None
        return _stored(key, status)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._read(self._path(key), key, start, end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        path = self._path(key)
        doing = f"writing `{key}`"
        creates = not replace and if_version is None
        self._cancel.check()
        with explained(self._remote, doing):
            if creates and is_file(path):
                return False
            self._check_parent()
        with (
            self._temporaries.filled(self._checked(chunks), doing) as temporary,
            explained(self._remote, doing),
        ):
            replacing = partial(self._replace, if_version=if_version)
            move = self._temporaries.create if creates else replacing
            placed = place(temporary, path, move, flushes=not self._is_cache)
            if placed and not self._is_cache:
                for directory in (*_up_to(path.parent, self._root), self._root):
                    flush_directory(directory)
        return placed

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        """Copy the bytes. With a hard link, a user that edits one file of the remote would change both."""
        if self.head(source) is None:
            raise NotInStore(f"{self._remote}: no object `{source}`")
        return self.put(target, self.get(source), replace=replace)

    def delete(self, key: str) -> None:
        path = self._path(key)
        self._cancel.check()
        with explained(self._remote, f"deleting `{key}`"):
            if not is_file(path):
                self._check_parent()
                return
            with self._temporaries.locked(required=False):
                path.unlink(missing_ok=True)
            flush_directory(path.parent)
        with suppress(OSError):  # not empty, or in use by a writer
            for parent in _up_to(path.parent, self._root):
                parent.rmdir()

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def close(self) -> None:
        pass

    def _path(self, key: str) -> Path:
        check_key(key, self._remote)
        if key.split("/", 1)[0] == TEMPORARY:
            raise StoreError(f"{self._remote}: keys cannot begin with `{TEMPORARY}`")
        return self._root / key

    def _check_parent(self) -> None:
        """Raise StoreError if the directory that contains the store is missing, as on a disk that is not mounted."""
        parent = self._root.parent
        if not self._is_cache and not parent.is_dir():
            raise StoreError(
                f"{self._remote}: the directory `{parent}` does not exist",
                hint="mount the disk that contains it; or create it, if the path is right",
            )

    def _checked(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._cancel.check()
            yield chunk

    def _replace(self, temporary: Path, path: Path, *, if_version: str | None) -> bool:
        with self._temporaries.locked(required=if_version is not None):
            if if_version is not None and (not is_file(path) or _version(path.stat()) != if_version):
                return False
            temporary.replace(path)
        return True

    def _walk(self, directory: Path, prefix: str) -> Iterator[Stored]:
        doing = f"listing `{prefix}`" if prefix else "listing it"
        with explained(self._remote, doing):
            try:
                entries = os.scandir(directory)
            except ABSENT:
                self._check_parent()
                return
        with entries:
            while True:
                self._cancel.check()
                with explained(self._remote, doing):
                    entry = next(entries, None)
                if entry is None:
                    return
                yield from self._listed(entry, prefix + entry.name)

    def _listed(self, entry: os.DirEntry[str], key: str) -> Iterator[Stored]:
        if not is_key(key) or key == TEMPORARY or entry.name.startswith(NFS_DELETED):
            return
        with explained(self._remote, f"listing `{key}`"):
            if entry.is_dir(follow_symlinks=False):
                stored = None
            else:
                try:
                    stored = _stored(key, entry.stat())
                except FileNotFoundError:
                    return
        if stored is not None:
            yield stored
        elif entry.is_dir(follow_symlinks=False):
            yield from self._walk(Path(entry.path), f"{key}/")

    def _read(self, path: Path, key: str, start: int, end: int | None) -> Iterator[bytes]:
        doing = f"reading `{key}`"
        with explained(self._remote, doing):
            try:
                file = path.open("rb", buffering=0)
            except ABSENT:
                self._check_parent()
                raise NotInStore(f"{self._remote}: no object `{key}`") from None
        with file:
            size = os.fstat(file.fileno()).st_size
            file.seek(start)
            left = max(0, (size if end is None else min(end, size)) - start)
            while left:
                self._cancel.check()
                with explained(self._remote, doing):
                    block = file.read(min(BLOCK, left))
                if not block:
                    break
                left -= len(block)
                yield block
            if left or (end is None and os.fstat(file.fileno()).st_size != size):
                raise StoreError(f"{self._remote}: `{key}` was changed in place while it was read")


def _stored(key: str, status: os.stat_result) -> Stored | None:
    """Return the object in a regular file, None for anything else."""
    if not stat.S_ISREG(status.st_mode):
        return None
    return Stored(key, status.st_size, status.st_mtime, _version(status))


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _up_to(directory: Path, root: Path) -> Iterator[Path]:
    """Yield `directory` and its parents below `root`, innermost first."""
    while directory != root:
        yield directory
        directory = directory.parent

"""A store in a directory, local or on a network file system: one file per object."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.errors import NotInStore, StoreError
from weaselish.stores.base import Stored
from weaselish.stores.keys import check_key, is_key
from weaselish.stores.wrappers import PassingError

TEMPORARY = ".proj-tmp"  # below the store's directory: files being written; no key may begin with it
LOCK = "lock"  # in there too, where the file system has no hard links
NFS_DELETED = ".nfs0"  # begins the names under which NFS keeps deleted files that somebody still reads
ABANDONED = 24 * 3600.0  # seconds after which a file there that nobody wrote to is a killed writer's
BLOCK = 2**20  # bytes per read and per buffered write
FLUSH_EVERY = 8 * 2**20  # bytes after which the kernel is asked to begin writing them out; asking for more takes long

_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_NO_HARD_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_PASSING = {errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR}
_HINTS = {
    errno.ENOSPC: "free some space there; nothing was changed",
    errno.EDQUOT: "the quota is used up; nothing was changed",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "check the permissions and the owner of the directory",
    errno.EPERM: "check the permissions and the owner of the directory",
    errno.EFBIG: "the file system or `ulimit -f` does not allow files of this size",
    errno.ENAMETOOLONG: "the file system does not allow names this long; use a shorter output path",
    errno.EXDEV: "a directory inside the remote lies on another file system: make it a plain directory",
    errno.ENOTDIR: "a part of its path is a file",
    errno.EEXIST: "a part of its path is a file",
    errno.EISDIR: "there are objects below this key, which a directory cannot hold",
    errno.ESTALE: "the file server replaced or removed it meanwhile: try again",
}


class DirectoryStore:
    """Objects as files below `path`, made when the first is put; `remote` is how messages call the store.

    An object is written to a temporary file, flushed to the disk and then linked (or, to replace, renamed) to its
    place, so that readers and killed writers never leave or see half of one. A key may not be the beginning of
    another (`a` and `a/b`).
    """

    def __init__(self, path: Path, *, remote: str | None = None) -> None:
        self._root = path
        self._remote = remote or f"remote `{path}`"
        self._temporary = path / TEMPORARY
        self._cleaned = False

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._walk(self._path(prefix) if prefix else self._root, f"{prefix}/" if prefix else "")

    def get(self, key: str) -> Iterator[bytes]:
        return self._read(self._path(key), key)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        path = self._path(key)
        doing = f"writing `{key}`"
        with self._explained(doing):
            if not replace and _is_file(path):
                return False
            temporary = self._new_temporary()
        try:
            self._fill(temporary, chunks, doing)
            with self._explained(doing):
                return self._place(temporary, path, replace=replace)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._explained(f"deleting `{key}`"):
            if not _is_file(path):
                self._check_parent()
                return
            path.unlink(missing_ok=True)
            _flush_directory(path.parent)
        with suppress(OSError):  # not empty, or in use by a writer
            for parent in _up_to(path.parent, self._root):
                parent.rmdir()

    def _path(self, key: str) -> Path:
        check_key(key, self._remote)
        if key.split("/", 1)[0] == TEMPORARY:
            raise StoreError(f"{self._remote}: keys cannot begin with `{TEMPORARY}`")
        return self._root / key

    def _walk(self, directory: Path, prefix: str) -> Iterator[Stored]:
        with self._explained(f"listing `{prefix}`" if prefix else "listing it"):
            try:
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except _ABSENT:
                self._check_parent()
                return
        for entry in entries:
            key = prefix + entry.name
            if not is_key(key) or key == TEMPORARY or entry.name.startswith(NFS_DELETED):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(directory / entry.name, key + "/")
            elif (stored := self._stored(entry, key)) is not None:
                yield stored

    def _stored(self, entry: os.DirEntry[str], key: str) -> Stored | None:
        with self._explained(f"listing `{key}`"):
            try:
                status = entry.stat()
            except FileNotFoundError:
                return None
        return Stored(key, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None

    def _read(self, path: Path, key: str) -> Iterator[bytes]:
        doing = f"reading `{key}`"
        with self._explained(doing):
            try:
                file = path.open("rb", buffering=0)
            except _ABSENT:
                self._check_parent()
                raise NotInStore(f"{self._remote}: no object `{key}`") from None
        with file:
            expected, received = os.fstat(file.fileno()).st_size, 0
            while True:
                with self._explained(doing):
                    block = file.read(BLOCK)
                if not block:
                    break
                received += len(block)
                yield block
        if received != expected:
            raise StoreError(f"{self._remote}: `{key}` was changed in place while it was read")

    def _check_parent(self) -> None:
        """Raise StoreError if the directory that contains the store is missing, as on a disk that is not mounted."""
        parent = self._root.parent
        if not parent.is_dir():
            raise StoreError(
                f"{self._remote}: the directory `{parent}` does not exist",
                hint="mount the disk that contains it; or create it, if the path is right",
            )

    def _new_temporary(self) -> Path:
        self._check_parent()
        _make_directory(self._temporary)
        temporary = self._temporary / uuid.uuid4().hex
        temporary.touch(exist_ok=False)
        if not self._cleaned:
            self._cleaned = True
            self._remove_abandoned(now=temporary.stat().st_mtime)  # the file system's clock, not this machine's
        return temporary

    def _remove_abandoned(self, now: float) -> None:
        for entry in os.scandir(self._temporary):
            with suppress(OSError):
                if entry.name != LOCK and now - entry.stat().st_mtime > ABANDONED:
                    Path(entry).unlink()

    def _fill(self, temporary: Path, chunks: Iterable[bytes], doing: str) -> None:
        """What `chunks` raises is the caller's, an OSError too: only our own calls are explained."""
        with self._explained(doing):
            file = temporary.open("wb", buffering=BLOCK)
        try:
            unflushed = 0
            for chunk in chunks:
                with self._explained(doing):
                    file.write(chunk)
                    unflushed += len(chunk)
                    if unflushed >= FLUSH_EVERY:
                        _begin_flush(file.fileno())
                        unflushed = 0
            with self._explained(doing):
                file.flush()
                os.fsync(file.fileno())
        finally:
            with suppress(OSError):
                file.close()

    def _place(self, temporary: Path, path: Path, *, replace: bool) -> bool:
        for attempts_left in reversed(range(5)):
            _make_directory(path.parent)
            try:
                placed = self._rename(temporary, path) if replace else self._link(temporary, path)
                break
            except FileNotFoundError:  # a delete removed the directory between the two
                if not attempts_left:
                    raise
        if placed:
            for directory in (*_up_to(path.parent, self._root), self._root):
                _flush_directory(directory)
        return placed

    def _rename(self, temporary: Path, path: Path) -> bool:
        temporary.replace(path)
        return True

    def _link(self, temporary: Path, path: Path) -> bool:
        try:
            os.link(temporary, path)
        except FileExistsError:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
            return temporary.stat().st_nlink > 1  # NFS: done, the answer was lost, and it asked again
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return self._rename_under_lock(temporary, path)
        return True

    def _rename_under_lock(self, temporary: Path, path: Path) -> bool:
        """Creates only, where there are no hard links; the kernel lets go of the lock when its holder dies."""
        with (self._temporary / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return not _is_file(path) and self._rename(temporary, path)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = PassingError if error.errno in _PASSING else StoreError
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise kind(f"{self._remote}: {reason} while {doing}", hint=_HINTS.get(error.errno or 0)) from error


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except _ABSENT:
        return False


def _up_to(directory: Path, root: Path) -> Iterator[Path]:
    """`directory` and its parents below `root`, innermost first."""
    while directory != root:
        yield directory
        directory = directory.parent


def _make_directory(directory: Path) -> None:
    """With its parents; each that had to be made is on the disk on return."""
    missing = [path for path in (directory, *directory.parents) if not path.is_dir()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _flush_directory(path.parent)


def _flush_directory(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, PermissionError):  # a delete removed it; a directory we may write but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # some have no fsync of directories
            raise
    finally:
        os.close(descriptor)


def _begin_flush(descriptor: int) -> None:
    """Lets the disk write while more bytes are made. Linux begins to write dirty pages out when they are not wanted."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

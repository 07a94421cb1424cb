"""The bytes of an artifact on their way to a remote and back: hashed as they pass, and compared."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.pack import Packing, shown
from weaselish.archive.unpack import unpack
from weaselish.cancel import Cancel
from weaselish.engine.artifacts.catalogue import Version
from weaselish.errors import NotInStore, ProjError, StoreError, UnsafePath
from weaselish.files.atomic import writing
from weaselish.model.paths import is_executed_by_tools
from weaselish.plan.digests import Algorithm, new_hash
from weaselish.stores.base import Store

Progress = Callable[[int], None]  # gets the bytes of each piece
_BLOCK = 1 << 20  # bytes


class Outgoing:
    """The bytes to store for an artifact, in pieces. Each iteration reads the content afresh, so it can be retried.

    After a complete iteration, `size` and `sha256` are those of the bytes. It raises ProjError at its end, so that
    nothing is stored, if the content is not `digest`.
    """

    def __init__(self, root: Path, path: str, digest: str, algorithm: Algorithm, progress: Progress) -> None:
        self.is_directory = (root / path).is_dir()
        self.size = 0
        self.sha256 = ""
        self._path = path
        self._file = root / path
        self._digest = digest
        self._algorithm = algorithm
        self._progress = progress
        self._packing = Packing(root, path, algorithm=algorithm) if self.is_directory else None

    def __iter__(self) -> Iterator[bytes]:
        running, size = hashlib.sha256(), 0
        content = new_hash(self._algorithm)
        for chunk in self._blocks() if self._packing is None else self._packing:
            running.update(chunk)
            if self._packing is None:
                content.update(chunk)
            size += len(chunk)
            self._progress(len(chunk))
            yield chunk
        packed = self._packing.packed if self._packing else None
        if (packed.digest if packed else content.hexdigest()) != self._digest:
            raise ProjError(f"`{self._path}` changed while it was pushed", hint="wait until no process writes to it")
        self.size, self.sha256 = size, running.hexdigest()

    def _blocks(self) -> Iterator[bytes]:
        try:
            with open(self._file, "rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise ProjError(f"cannot read `{self._path}`: {error.strerror}") from error

    def measure(self) -> None:
        """Read the content once, for `size` and `sha256`."""
        for _ in self:
            pass


class Incoming:
    """The stored bytes of a version, in pieces. `sha256` and `size` are those of the pieces so far."""

    def __init__(self, store: Store, key: str, cancel: Cancel, progress: Progress) -> None:
        self.size = 0
        self._store, self._key, self._cancel, self._progress = store, key, cancel, progress
        self._running = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._store.get(self._key):
            self._cancel.check()
            self._running.update(chunk)
            self.size += len(chunk)
            self._progress(len(chunk))
            yield chunk

    @property
    def sha256(self) -> str:
        return self._running.hexdigest()


def sha256_of(store: Store, key: str, cancel: Cancel, progress: Progress) -> str:
    """Read an object and return the SHA-256 of its bytes. Raises NotInStore."""
    incoming = Incoming(store, key, cancel, progress)
    for _ in incoming:
        pass
    return incoming.sha256


def download(store: Store, version: Version, to: Path, *, cancel: Cancel, progress: Progress) -> str:
    """Write the stored bytes of a version to a new file, and return their SHA-256.

    Raises StoreError if they are not what the manifest says.
    """
    incoming = Incoming(store, version.file, cancel, progress)
    try:
        with writing(f"`{to}`"), open(to, "xb", buffering=0) as file:
            for chunk in incoming:
                file.write(chunk)
    except NotInStore:
        raise _vanished(version) from None
    check_sha256(version, incoming.sha256)
    return incoming.sha256


def unpack_directory(
    store: Store, version: Version, path: str, place: Path, *, cancel: Cancel, progress: Progress
) -> tuple[Path, str]:
    """Unpack a version that is a directory into `place`, an empty directory.

    Return where it is, and the SHA-256 of the archive.
    `path`: its name in the archive, if the manifest does not say. Raises StoreError for an archive that is damaged,
    unsafe, or not what the manifest says.
    """
    manifest = version.manifest
    name = manifest.path if manifest and manifest.path else path
    algorithm: Algorithm = manifest.algorithm if manifest else "md5"
    incoming = Incoming(store, version.file, cancel, progress)
    chunks = iter(incoming)
    try:
        content = unpack(chunks, name, place, algorithm=algorithm)
        for _ in chunks:  # what follows the archive is part of its SHA-256
            pass
    except NotInStore:
        raise _vanished(version) from None
    except (BrokenArchive, UnsafePath) as error:
        raise StoreError(f"`{version.file}` on the remote: {error.message}") from None
    for entry in content.entries:
        if is_executed_by_tools(os.fsdecode(entry.path)):
            message = f"`{version.file}` on the remote holds {shown(entry.path)}, which other tools execute"
            raise StoreError(message, hint="nothing of it was kept")
    check_sha256(version, incoming.sha256)
    if manifest is not None and content.digested().digest != manifest.digest:
        raise StoreError(f"`{version.file}` on the remote does not have the content that its manifest names")
    return place / name, incoming.sha256


def check_sha256(version: Version, sha256: str) -> None:
    """Raise StoreError if the stored bytes of a version are not those of its manifest."""
    if version.manifest is not None and sha256 != version.manifest.sha256:
        raise StoreError(
            f"{version.label} is damaged: the SHA-256 of `{version.file}` is {sha256}, its manifest says "
            f"{version.manifest.sha256}",
            hint="nothing was replaced; push it again with `--force`",
        )


def _vanished(version: Version) -> StoreError:
    return StoreError(f"`{version.file}` vanished from the remote while it was read", hint="try again")

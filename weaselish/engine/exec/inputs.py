"""The inputs of a job: packed and stored by digest on one side, fetched and verified on the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.pack_dep import CONTENT, DepPacking
from weaselish.archive.unpack import unpack
from weaselish.cancel import Cancel
from weaselish.engine.exec.document import JobDocument
from weaselish.engine.exec.names import INPUTS
from weaselish.errors import NotInStore, ProjError, UnsafePath
from weaselish.plan.digests import algorithm_of
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

Passed = Callable[[int], object]  # gets the size of each piece that was sent


def send_input(workspace: Workspace, store: Store, dep: str, digest: str, key: str, passed: Passed) -> None:
    """Store the content of a dep. Raises ProjError if it is not what `digest` says."""
    below = workspace.digests.names_in(dep)
    packing = DepPacking(workspace.root, dep, below, algorithm=algorithm_of(digest))

    def chunks() -> Iterator[bytes]:
        for chunk in packing:
            workspace.cancel.check()
            passed(len(chunk))
            yield chunk
        if packing.packed is None or packing.packed.digest != digest:
            raise ProjError(f"`{dep}` changed while it was sent", hint="wait until no process writes to it")

    store.put(key, chunks())


def fetch_inputs(store: Store, document: JobDocument, root: Path, cancel: Cancel) -> None:
    """Put the deps of a job into the directory `root`. Raises ProjError for one that is missing or broken.

    A dep around another one comes first: it holds that one.
    """
    digests = dict(document.fingerprint.deps)
    for path, key in sorted(document.objects.items(), key=lambda pair: pair[0].count("/") if pair[0] != "." else -1):
        if not os.path.lexists(root / path) or path == ".":
            _fetch(store, key, path, digests[path] or "", root, cancel)


def _fetch(store: Store, key: str, path: str, digest: str, root: Path, cancel: Cancel) -> None:
    """Fetch one dep. Its digest is verified with that of all inputs: as a dep, a directory may have another one."""
    name = CONTENT if key.startswith(f"{INPUTS}/") else path

    def chunks() -> Iterator[bytes]:
        for chunk in store.get(key):
            cancel.check()
            yield chunk

    with TemporaryDirectory(prefix=".proj-new-", dir=root) as directory:
        try:
            unpack(chunks(), name, Path(directory), algorithm=algorithm_of(digest))
        except (BrokenArchive, NotInStore, UnsafePath) as error:
            raise ProjError(f"the input `{path}` cannot be fetched: object `{key}`: {error.message}") from None
        _place(Path(directory) / name, root, path)


def _place(content: Path, root: Path, path: str) -> None:
    if path == ".":
        for entry in content.iterdir():
            entry.rename(root / entry.name)
        return
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    content.rename(root / path)

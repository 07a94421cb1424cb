"""Whether local content is a version on the remote, so that replacing it loses nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from weaselish.engine.artifacts.catalogue import files_of, read_facts
from weaselish.engine.artifacts.content import sha256_of
from weaselish.engine.artifacts.manifest import read_manifest
from weaselish.engine.artifacts.names import Names
from weaselish.errors import NotInStore, StoreError
from weaselish.model.artifacts import Artifact
from weaselish.stores.base import Store
from weaselish.workspace import Workspace


def is_on_remote(workspace: Workspace, store: Store, artifact: Artifact, names: Names) -> bool:
    """Return whether the artifact's path is empty, or has the content of a version on the remote."""
    path = workspace.root / artifact.path
    if not os.path.lexists(path):
        return True
    facts = read_facts(store, names)
    for number in (None,) if artifact.singular else sorted(facts.manifests, reverse=True):
        try:
            manifest = read_manifest(store, names, number)
        except StoreError:
            continue
        if manifest is not None and _digest(workspace, artifact, manifest.algorithm) == manifest.digest:
            return True
    return path.is_file() and _is_foreign_file(workspace, store, path, names, facts.manifests)


def _digest(workspace: Workspace, artifact: Artifact, algorithm: str) -> str | None:
    digests = workspace.digests_with("blake3" if algorithm == "blake3" else "md5")
    return digests.digest(artifact.path, "output")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_foreign_file(workspace: Workspace, store: Store, path: Path, names: Names, known: frozenset[str]) -> bool:
    """Return whether a file that another tool stored has the bytes of a local one. Reads those of its size."""
    size, own = path.stat().st_size, ""
    for _, number, key in files_of(store, [names], workspace.cancel):
        stored = store.head(key) if number not in known else None
        if stored is None or stored.size != size:
            continue
        own = own or _sha256(path)
        try:
            if sha256_of(store, key, workspace.cancel, lambda size: None) == own:
                return True
        except NotInStore:
            continue
    return False

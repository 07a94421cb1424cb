"""The use-cases that read or set facts about versions: list, show, alias, yank."""

from __future__ import annotations

from weaselish.engine.artifacts.listing import Listed, list_versions
from weaselish.engine.artifacts.names import names_of
from weaselish.engine.artifacts.stores import Stores, named_artifact
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.workspace import Workspace


def versions_of(workspace: Workspace, name: str, *, prefix: str, open_store: OpenStore) -> tuple[Listed, ...]:
    """Return the versions of an artifact, the highest first. Raises UnknownName and StoreError."""
    artifact = named_artifact(workspace, name)
    with Stores(workspace, open_store) as stores:
        names, store = names_of(artifact, prefix), stores.of(artifact)
        return tuple(run_aside(lambda: list_versions(store, names, workspace.cancel), workspace.cancel))

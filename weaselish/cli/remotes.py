"""Opens the stores of remotes, for the engine."""

from __future__ import annotations

from functools import partial

from weaselish.engine.remote.resolve import OpenStore
from weaselish.workspace import Workspace


def store_opener(workspace: Workspace) -> OpenStore:
    """Return the callable that opens the store of a remote of this workspace."""
    from weaselish.stores.open import open_store

    return partial(open_store, root=workspace.root, cancel=workspace.cancel)

"""The published record of a run that produced an artifact, and the object of its output."""

from __future__ import annotations

from weaselish.engine.artifacts.manifest import RunReference
from weaselish.engine.remote.published import RUNS, Published, published_run
from weaselish.engine.remote.tree import LARGEST_RECORD
from weaselish.errors import NotInStore
from weaselish.files.strict_json import read_json
from weaselish.stores.base import Store


def published_on(store: Store, run: RunReference) -> Published | None:
    """Return the record of a run if it is on the remote and intact, else None."""
    key = f"{RUNS}/{run.key}/{run.run}.json"
    try:
        body = b""
        for chunk in store.get(key):
            body += chunk
            if len(body) > LARGEST_RECORD:
                return None
        published = published_run(read_json(body))
    except (NotInStore, ValueError):
        return None
    if published is None or (published.record.run, published.record.fingerprint.key) != (run.run, run.key):
        return None
    return published


def object_of(published: Published, path: str) -> tuple[str, int] | None:
    """Return key and size of the object of an output."""
    return published.objects.get(path)

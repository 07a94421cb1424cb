"""`proj remote`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable

from weaselish.cli.console import paint, say, table, warn
from weaselish.cli.remotes import open_remote
from weaselish.errors import ProjError, StoreError
from weaselish.model.project import Remote
from weaselish.model.urls import without_secrets
from weaselish.workspace import Workspace


def show_remotes(workspace: Workspace, *, as_json: bool) -> int:
    remotes = [
        remote._replace(
            url=without_secrets(remote.url),
            endpoint_url=remote.endpoint_url and without_secrets(remote.endpoint_url),
        )
        for remote in workspace.project.remotes.values()
    ]
    if as_json:
        print(json.dumps([remote._asdict() for remote in remotes], indent=2))
        return 0
    if not remotes:
        say("project.yml defines no remotes")
        return 0
    rows = [(remote.name, remote.url, "read-only" if remote.read_only else "") for remote in remotes]
    print(table(rows, ("remote", "url", ""), stream=sys.stdout))
    return 0


def test_remote(workspace: Workspace, remote: Remote) -> int:
    """List, write, read back and delete a small object, each with its time; stops at the first failure."""
    import os

    from weaselish.stores.open import credentials_source

    store = open_remote(workspace, remote)
    print(f"{remote.name}: {remote.url}")
    source = credentials_source(remote)
    if source is not None:
        print(f"  credentials: {source}")
    key, data = f".proj/test/{os.urandom(8).hex()}", os.urandom(1 << 16)

    def read_back() -> None:
        if b"".join(store.get(key)) != data:
            raise StoreError(f"remote `{remote.name}` gave back other bytes than were stored")

    def look() -> None:
        next(iter(store.list(".proj")), None)

    def write() -> None:
        store.put(key, [data])

    def delete() -> None:
        store.delete(key)

    steps: list[tuple[str, Callable[[], None]]] = [("list", look)]
    if not remote.read_only:
        steps += [("write", write), ("read back", read_back), ("delete", delete)]
    for name, action in steps:
        begun = time.monotonic()
        try:
            action()
        except ProjError:
            print(f"  {name}: {paint('failed', 'red', sys.stdout)}")
            with contextlib.suppress(ProjError):
                store.delete(key)
            raise
        print(f"  {name}: ok, {1000 * (time.monotonic() - begun):.0f} ms")
    if remote.read_only:
        warn("it is read-only here: writing was not tried")
    return 0

"""`proj remote list` and `proj remote test`."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show, show_table, warn
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import JSON, Call, Subcommand
from weaselish.errors import ProjError, StoreError, UsageError

if TYPE_CHECKING:
    from weaselish.model.project import Remote
    from weaselish.stores.base import Store


def list_remotes(call: Call, *, as_json: bool) -> int:
    """Show the remotes of project.yml, without secrets in their URLs."""
    from weaselish.model.urls import without_secrets

    remotes = [
        remote._replace(
            url=without_secrets(remote.url),
            endpoint_url=remote.endpoint_url and without_secrets(remote.endpoint_url),
        )
        for remote in open_workspace(call, call.directory).project.remotes.values()
    ]
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([remote._asdict() for remote in remotes])
    elif remotes:
        rows = [(remote.name, remote.url, "read-only" if remote.read_only else "") for remote in remotes]
        show_table(rows, ("remote", "url", ""))
    else:
        say("project.yml defines no remotes")
    return 0


def test_remote(call: Call) -> int:
    """List, write, read back and delete a small object, each with its time; stop at the first failure."""
    from weaselish.cli.remotes import find_remote, open_remote
    from weaselish.stores.open import credentials_source

    if not call.words:
        raise UsageError("the name of the remote is missing", hint="`proj remote list` shows the remotes")
    workspace = open_workspace(call, call.words[1] if len(call.words) > 1 else None)
    remote = find_remote(workspace, call.words[0])
    store = open_remote(workspace, remote)
    show(f"{remote.name}: {remote.url}")
    source = credentials_source(remote)
    if source is not None:
        show(f"  credentials: {source}")
    for name, seconds in _probe(remote, store):
        show(f"  {name}: {'failed' if seconds is None else f'ok, {1000 * seconds:.0f} ms'}")
    if remote.read_only:
        warn("the remote is read-only in project.yml: writing was not tested")
    return 0


def _probe(remote: Remote, store: Store) -> Iterator[tuple[str, float | None]]:
    """Yield each action with its seconds, None if it failed; then raise its error."""
    key, data = f".proj/test/{os.urandom(8).hex()}", os.urandom(1 << 16)

    def read_back() -> None:
        if b"".join(store.get(key)) != data:
            raise StoreError(f"remote `{remote.name}` returned other bytes than were stored")

    actions: list[tuple[str, Callable[[], object]]] = [("list", lambda: next(iter(store.list(".proj")), None))]
    if not remote.read_only:
        actions += [
            ("write", lambda: store.put(key, [data])),
            ("read back", read_back),
            ("delete", lambda: store.delete(key)),
        ]
    for name, action in actions:
        begun = time.monotonic()
        try:
            action()
        except ProjError:
            yield name, None
            with contextlib.suppress(ProjError):
                store.delete(key)
            raise
        yield name, time.monotonic() - begun


SUBCOMMANDS = (
    Subcommand(
        "remote list",
        list_remotes,
        "List the remotes that project.yml defines.",
        (JSON,),
        examples=("proj remote list",),
    ),
    Subcommand(
        "remote test",
        test_remote,
        "Test a remote: its credentials, then list, write, read back and delete, each with its time.",
        usage="REMOTE [DIR]",
        words_help="The remote's name in project.yml, a URL or a path; the project's directory.",
        most_words=2,
        examples=("proj remote test default",),
    ),
)

"""Reads what `show`, `diff`, `verify` and `pull` need: a snapshot, found by what the user typed, and its entries."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.engine.snapshot.known import entries_of
from weaselish.engine.snapshot.opened import Opened, has_project, project_name
from weaselish.engine.snapshot.stored import find_snapshot, list_snapshots, read_stored
from weaselish.errors import UsageError, in_short
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot import Snapshot
from weaselish.plan.snapshot_entries import Entry
from weaselish.workspace import Workspace


class Reading(NamedTuple):
    snapshot: Snapshot
    entries: Sequence[Entry]


def read_project(workspace: Workspace, remote: Opened, project: str | None, ref: str) -> Reading:
    """Read the snapshot that a text stands for. Raises UsageError if there is none, StoreError if it is damaged."""
    name = named_project(workspace, remote, project)
    snapshot = read_stored(remote.store, find_snapshot(remote.store, name, ref))
    remote.contents.refresh()
    return Reading(snapshot, entries_of(remote.contents, snapshot))


def named_project(workspace: Workspace, remote: Opened, project: str | None) -> str:
    """Return the project that the user named, or this one; outside of a project, the only one on the remote."""
    if project is None and not has_project(workspace):
        names = list(dict.fromkeys(one.project for one in list_snapshots(remote.store)))
        if len(names) == 1:
            return names[0]
        if names:
            listed = in_short([f"`{name}`" for name in sorted(names)], separator=", ")
            raise UsageError("the remote has snapshots of several projects", hint=f"`--project NAME`: {listed}")
        raise UsageError("the remote has no snapshots", hint="`proj snapshot push REMOTE` in a project stores one")
    return project_name(workspace, project)

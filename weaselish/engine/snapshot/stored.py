"""The snapshots that a remote holds: listed, read, and found by what the user typed."""

from __future__ import annotations

from urllib.parse import quote_plus, unquote_plus

from weaselish.errors import NotInStore, StoreError, UsageError, in_short
from weaselish.files.strict_json import read_json
from weaselish.model.paths import project_name_problem
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot import LARGEST_DOCUMENT, Snapshot, is_snapshot_id, read_snapshot
from weaselish.plan.snapshot_values import LaterFormat
from weaselish.stores.base import Store, Stored

SNAPSHOTS = ".proj/snapshots"
LATEST = "latest"


class StoredSnapshot(NamedTuple):
    """A snapshot on a remote, by its name alone. `modified`: seconds since 1970 by the store's clock."""

    project: str
    id: str
    modified: float

    @property
    def key(self) -> str:
        return snapshot_key(self.project, self.id)


def snapshot_key(project: str, snapshot: str) -> str:
    return f"{folder_of(project)}/{snapshot}.json"


def folder_of(project: str) -> str:
    return f"{SNAPSHOTS}/{quote_plus(project)}"


def list_snapshots(store: Store, project: str | None = None) -> list[StoredSnapshot]:
    """Return the snapshots of a project, by default of all, the newest first. Skips foreign objects."""
    listed = store.list(SNAPSHOTS if project is None else folder_of(project))
    found = [one for stored in listed if (one := _stored_snapshot(stored)) is not None]
    return sorted(found, key=lambda one: (one.modified, one.id), reverse=True)


def _stored_snapshot(stored: Stored) -> StoredSnapshot | None:
    folder, _, name = stored.key.removeprefix(f"{SNAPSHOTS}/").rpartition("/")
    project, snapshot = unquote_plus(folder), name.removesuffix(".json")
    if name == snapshot or not is_snapshot_id(snapshot):
        return None
    if quote_plus(project) != folder or project_name_problem(project):
        return None
    return StoredSnapshot(project, snapshot, stored.modified)


def read_stored(store: Store, stored: StoredSnapshot) -> Snapshot:
    """Read a snapshot. Raises StoreError if it is damaged, gone, or of a later version."""
    key = stored.key
    try:
        snapshot = read_snapshot(read_json(b"".join(store.get(key, end=LARGEST_DOCUMENT))))
    except LaterFormat:
        hint = "upgrade proj to read it"
        raise StoreError(f"`{key}` was written by a later version of proj", hint=hint) from None
    except NotInStore:
        raise StoreError(f"snapshot `{stored.id}` was just removed", hint="`proj snapshot list`") from None
    except ValueError as error:
        raise damaged(stored.id, str(error)) from None
    if (snapshot.project, snapshot.id) != (stored.project, stored.id):
        raise damaged(stored.id, "its name is not the one that it gives")
    return snapshot


def damaged(snapshot: str, why: str) -> StoreError:
    """Return the error about a snapshot that is not what proj writes."""
    return StoreError(f"snapshot `{snapshot}` is damaged: {why}", hint="pull another one: `proj snapshot list`")


def find_snapshot(store: Store, project: str, ref: str) -> StoredSnapshot:
    """Return the snapshot that a text stands for: an id, the beginning of one, `latest`, or `@` and a message.

    Raises UsageError if there is none, or more than one.
    """
    stored = list_snapshots(store, project)
    if not stored:
        raise UsageError(f"no snapshot of `{project}` on the remote", hint=_projects_hint(store))
    if ref == LATEST:
        return stored[0]
    if ref.startswith("@"):
        for one in stored:
            if read_stored(store, one).message == ref[1:]:
                return one
        raise UsageError(f"no snapshot of `{project}` has the message `{ref[1:]}`", hint="`proj snapshot list`")
    matches = [one for one in stored if one.id.startswith(ref)]
    if len(matches) != 1:
        what = f"{len(matches)} snapshots begin with `{ref}`" if matches else f"no snapshot of `{project}` is `{ref}`"
        ids = in_short([f"`{one.id}`" for one in matches or stored], separator=", ")
        raise UsageError(what, hint=f"give one of {ids}" if matches else f"there are {ids}")
    return matches[0]


def _projects_hint(store: Store) -> str:
    others = dict.fromkeys(one.project for one in list_snapshots(store))
    if others:
        return f"it has snapshots of {in_short([f'`{name}`' for name in others], separator=', ')}: `--project NAME`"
    return "`proj snapshot push` stores one"

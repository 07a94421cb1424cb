"""Opens what a use-case of snapshots works on: the project if there is one, the remote, the name of the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.engine.remote.inside_project import path_in_project
from weaselish.engine.remote.resolve import DEFAULT, OpenStore, find_remote, open_tree
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.snapshot.contents import Contents
from weaselish.errors import UsageError
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.state_dir import STATE, cache_dir
from weaselish.files.strict_json import read_json_file
from weaselish.load import FILE
from weaselish.model.paths import project_name_problem
from weaselish.model.project import ProjectModel, Remote
from weaselish.model.urls import PATH_STARTS
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

_STATE_FILE = "state"  # in `.proj`: the remote that snapshots used last
_REMOTE = "snapshot_remote"


def has_project(workspace: Workspace) -> bool:
    """Return whether the workspace is that of a project, not one for work outside of projects."""
    return workspace.file is not None


def outside(directory: Path, workspace: Workspace) -> Workspace:
    """Return a workspace without project.yml for a directory. It has the remotes of `workspace`."""
    model = ProjectModel(remotes=workspace.project.remotes, env=workspace.project.env)
    return Workspace(directory, model, cancel=workspace.cancel)


def project_name(workspace: Workspace, given: str | None) -> str:
    """Return the name under which snapshots of the project are stored. Raises UsageError for an invalid one."""
    if given is not None:
        name, source = given, "--project"
    elif not has_project(workspace):
        raise UsageError("the name of the project is missing", hint="outside of a project, give `--project NAME`")
    elif workspace.project.name:
        name, source = workspace.project.name, f"`name:` in {FILE}"
    else:
        name, source = workspace.root.name, "the folder's name"
    if problem := project_name_problem(name):
        raise UsageError(f"{source} `{name}` cannot name a project: {problem}", hint=f"set `name:` in {FILE}")
    return name


def remote_for(workspace: Workspace, given: str | None) -> Remote:
    """Return the remote that the user named, else the last one that snapshots used here, else `default`.

    Raises UnknownName and UsageError.
    """
    if given is not None:
        return find_remote(workspace, given)
    if not has_project(workspace):
        raise UsageError(
            "the remote is missing",
            hint="outside of a project, give `--from REMOTE`: a remote of yours, a URL or a path",
        )
    return find_remote(workspace, _last_remote(workspace.root) or DEFAULT)


def _last_remote(root: Path) -> str | None:
    with suppress(OSError, ValueError):
        data = read_json_file(root / STATE / _STATE_FILE)
        name = data.get(_REMOTE) if isinstance(data, dict) else None
        return name if isinstance(name, str) else None
    return None


def remember_remote(root: Path, given: str | None, remote: Remote) -> None:
    """Keep the remote that the user named for the next push and pull without one."""
    if given is None:
        return
    name = remote.url if given.startswith(PATH_STARTS) else given
    if name != _last_remote(root):
        with writing(f"`{STATE}/{_STATE_FILE}`"):
            write_atomically(root / STATE / _STATE_FILE, [json.dumps({"format": 1, _REMOTE: name}).encode()])


class Opened(NamedTuple):
    """A remote that is being used. `tree` has its runs, `contents` the contents of its snapshots, not listed yet."""

    tree: RemoteTree
    contents: Contents

    @property
    def store(self) -> Store:
        return self.tree.store


@contextmanager
def opened(workspace: Workspace, remote: Remote, open_store: OpenStore) -> Iterator[Opened]:
    """Open a remote for the block."""
    tree = open_tree(workspace, remote, open_store)
    cache = cache_dir(workspace.root)
    packs = None if cache is None or tree.identity is None else cache / f"packs-{tree.identity}.json"
    try:
        yield Opened(tree, Contents(tree.store, workspace.cancel, packs))
    finally:
        tree.close()


def stores_in(workspace: Workspace, remote: Remote) -> frozenset[str]:
    """Return the directories of remotes that are inside the project: a snapshot must not hold snapshots."""
    remotes = (remote, *workspace.project.remotes.values())
    return frozenset(path for one in remotes if (path := path_in_project(workspace, one)) not in (None, "."))

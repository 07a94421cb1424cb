"""Which remote a name, URL or path stands for, and what opens it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import md5

from weaselish.connections.variables import from_variables, with_variables
from weaselish.engine.remote.inside_project import BESIDE, misplaced
from weaselish.engine.remote.tree import RemoteTree
from weaselish.errors import InvalidProject, StoreError, UnknownName
from weaselish.files.home import put_home
from weaselish.files.state_dir import cache_dir
from weaselish.files.user_dirs import user_cache_dir
from weaselish.model.cache import LOCAL
from weaselish.model.interpolate import put_env
from weaselish.model.project import Remote
from weaselish.model.targets import named_commands
from weaselish.model.urls import PATH_STARTS, without_secrets
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

DEFAULT = "default"
_HOW_TO_DEFINE = (
    "define it in project.yml: `remotes: {default: ../cache}`, or name a path that begins with `./` or `/`, or add a "
    "remote of your own: `proj remote add`"
)

OpenStore = Callable[[Remote], Store]


def find_remote(workspace: Workspace, name: str) -> Remote:
    """Return the remote of that name, or the one at a plain URL or path. Raises UnknownName and InvalidProject.

    A remote of project.yml takes precedence over the user's of the same name. `local` is the user's run cache, unless
    a remote has that name.
    """
    remotes = workspace.project.remotes
    problems = workspace.project.faults_in("remotes", name)
    if problems:
        raise InvalidProject(problems)
    if name in remotes:
        return with_variables(with_env(workspace, remotes[name]))
    return find_user_remote(name, of_project=remotes)


def find_user_remote(name: str, *, of_project: Collection[str] = ()) -> Remote:
    """Return the user's remote of that name, or the one at a plain URL or path. It needs no project.

    `of_project` are names that messages offer. Raises UnknownName, and InvalidProject for a broken config.yml.
    """
    remotes = _user_remotes() if "://" not in name and not name.startswith(PATH_STARTS) else {}
    if name in remotes:
        return with_variables(remotes[name])
    if remote := from_variables(name):
        return remote
    if name == LOCAL:
        return Remote(LOCAL, str(user_cache_dir()), is_user_cache=True)
    if "://" in name:
        return Remote(without_secrets(name), name)
    if name.startswith(PATH_STARTS):
        return Remote(name, os.path.realpath(put_home(name)))
    defined = dict.fromkeys([*of_project, *remotes])
    hint = None if defined else _HOW_TO_DEFINE
    raise UnknownName("remote", name, defined, hint=hint)


def _user_remotes() -> Mapping[str, Remote]:
    from weaselish.connections.user_config import user_remotes

    return user_remotes()


def with_env(workspace: Workspace, remote: Remote) -> Remote:
    """Return the remote with the values of the environment in its texts."""

    def resolved(text: str | None) -> str | None:
        return text and put_env(text, workspace.env)

    return remote._replace(
        url=put_env(remote.url, workspace.env),
        endpoint_url=resolved(remote.endpoint_url),
        profile=resolved(remote.profile),
        region=resolved(remote.region),
        kms_key=resolved(remote.kms_key),
    )


def shown_remotes(workspace: Workspace) -> tuple[Remote, ...]:
    """Return the project's remotes as they may be shown."""
    return tuple(
        remote._replace(
            url=without_secrets(remote.url),
            endpoint_url=remote.endpoint_url and without_secrets(remote.endpoint_url),
        )
        for remote in workspace.project.remotes.values()
    )


def open_tree(workspace: Workspace, remote: Remote, open_store: OpenStore) -> RemoteTree:
    """Return what the remote holds. Its store is opened on first use. Raises StoreError for one inside an output."""
    if (problem := misplaced(workspace, remote)) is not None:
        raise StoreError(problem, hint=BESIDE)
    directory = cache_dir(workspace.root)
    text = json.dumps([remote.url, remote.endpoint_url])
    name = f"remote-{md5(text.encode(), usedforsecurity=False).hexdigest()}.json"
    cache = None if directory is None else directory / name
    return RemoteTree(lambda: open_store(remote), cache, workspace.cancel, compress=not remote.is_user_cache)


def selected_commands(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """Return the named commands, each once, all steps of a matrix and matches of a glob. Raises UnknownName."""
    return named_commands(workspace.project, names)

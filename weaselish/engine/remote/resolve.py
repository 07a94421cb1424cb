"""Which remote a name, URL or path stands for, and what opens it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from hashlib import md5

from weaselish.engine.remote.tree import RemoteTree
from weaselish.errors import InvalidProject, UnknownName
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

OpenStore = Callable[[Remote], Store]


def find_remote(workspace: Workspace, name: str) -> Remote:
    """Return the remote of that name, or the one at a plain URL or path. Raises UnknownName and InvalidProject.

    `local` is the user's run cache, unless the project has a remote of that name.
    """
    remotes = workspace.project.remotes
    problems = workspace.project.faults_in("remotes", name)
    if problems:
        raise InvalidProject(problems)
    if name in remotes:
        return with_env(workspace, remotes[name])
    if name == LOCAL:
        return Remote(LOCAL, str(user_cache_dir()), is_user_cache=True)
    if "://" in name:
        return Remote(without_secrets(name), name)
    if name.startswith(PATH_STARTS):
        return Remote(name, os.path.realpath(put_home(name)))
    hint = None
    if not remotes:
        hint = "define it in project.yml: `remotes: {default: ../cache}`, or name a path that begins with `./` or `/`"
    raise UnknownName("remote", name, remotes, hint=hint)


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
    """Return what the remote holds. Its store is opened on first use."""
    directory = cache_dir(workspace.root)
    text = json.dumps([remote.url, remote.endpoint_url])
    name = f"remote-{md5(text.encode(), usedforsecurity=False).hexdigest()}.json"
    cache = None if directory is None else directory / name
    return RemoteTree(lambda: open_store(remote), cache, workspace.cancel, compress=not remote.is_user_cache)


def selected_commands(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """Return the named commands, each once, all steps of a matrix and matches of a glob. Raises UnknownName."""
    return named_commands(workspace.project, names)

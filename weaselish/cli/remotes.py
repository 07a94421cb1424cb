"""What a remote of the project is, and which of its runs match the commands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import md5
from pathlib import Path

from weaselish.engine.remote.candidates import current_fingerprint
from weaselish.engine.remote.tree import RemoteTree, outputs_of
from weaselish.engine.run.planning import Preview
from weaselish.errors import UnknownName
from weaselish.files.state_dir import cache_dir
from weaselish.model.interpolate import put_env
from weaselish.model.project import Remote
from weaselish.model.urls import without_secrets
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

DEFAULT = "default"


def find_remote(workspace: Workspace, name: str) -> Remote:
    """The remote of that name, or the one that a URL or path plainly names. Raises UnknownName."""
    remotes = workspace.project.remotes
    if name in remotes:
        remote = remotes[name]

        def resolved(text: str | None) -> str | None:
            return text and put_env(text, workspace.env)

        return remote._replace(
            url=put_env(remote.url, workspace.env),
            endpoint_url=resolved(remote.endpoint_url),
            profile=resolved(remote.profile),
            region=resolved(remote.region),
        )
    if "://" in name:
        return Remote(without_secrets(name), name)
    if name.startswith(("./", "../", "/", "~")):
        return Remote(name, str(Path(name).expanduser().resolve()))
    hint = None
    if not remotes:
        hint = "define it in project.yml: `remotes: {default: ../cache}`, or name a path that begins with `./` or `/`"
    raise UnknownName("remote", name, remotes, hint=hint)


def open_tree(workspace: Workspace, remote: Remote) -> RemoteTree:
    return RemoteTree(lambda: open_remote(workspace, remote), _cache(workspace, remote))


def open_remote(workspace: Workspace, remote: Remote) -> Store:
    from weaselish.stores.open import open_store

    return open_store(remote, root=workspace.root)


def _cache(workspace: Workspace, remote: Remote) -> Path | None:
    directory = cache_dir(workspace.root)
    text = json.dumps([remote.url, remote.endpoint_url])
    name = md5(text.encode(), usedforsecurity=False).hexdigest()
    return None if directory is None else directory / f"remote-{name}.json"


def check_commands(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    for name in names:
        if name not in workspace.project.commands:
            raise UnknownName("command", name, workspace.project.commands)
    return tuple(dict.fromkeys(names))


def remote_states(workspace: Workspace, remote: Remote, previews: Sequence[Preview]) -> dict[str, str]:
    """Per command with outputs: whether a run of it as it stands is on the remote. Downloads no output."""
    tree = open_tree(workspace, remote)
    tree.list_at_once()
    states: dict[str, str] = {}
    coming: dict[str, str] = {}
    for item in previews:
        command = workspace.project.commands[item.step]
        if command.outputs and item.staleness is None:
            states[item.step] = "unknown"
        elif command.outputs:
            now = current_fingerprint(workspace, command, coming)
            runs = [run for _, run in tree.published(now.key) if outputs_of(run.record).keys() == set(command.outputs)]
            whole = [run for run in runs if tree.is_whole(run)]
            absent = "unknown" if any(path in coming for path, _ in now.deps) else "missing"
            states[item.step] = "there" if whole else "broken" if runs else absent
            for run in whole[:1] if item.reasons else ():
                coming |= outputs_of(run.record)
    tree.save()
    return states

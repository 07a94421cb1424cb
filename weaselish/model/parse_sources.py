"""Read what makes an asset of project.yml a source: its name, and how it is mounted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.path_rules import PathKind
from weaselish.model.paths import is_outside, normalise
from weaselish.model.sources import SCOPES, Mount, Nfs, Volume, is_source_name

_MOUNT_KEYS = ("path", "nfs", "volume", "read_only")
_NAME_HINT = "use up to 63 of `a` to `z`, `0` to `9` and `-`, with a letter or digit at both ends"

Item = Mapping[str, Any]


def read_source_name(values: Values, path: Path, item: Item, before: set[str]) -> str | None:
    """Read the name of an asset, and add it to those `before`. None if it has none, or one that cannot be used."""
    name = values.text(path, within=item)
    if not name:
        if "name" in item:
            values.problem(path, "`name` must not be empty", _NAME_HINT)
        return None
    if not is_source_name(name):
        values.problem(path, f"`{name}` is not a valid name of a source", _NAME_HINT)
        return None
    if name in before:
        values.problem(path, f"two assets are named `{name}`", "rename one of the two")
        return None
    before.add(name)
    return name


def read_mount(values: Values, path: Path, item: Item, *, is_fetched: bool) -> Mount | None:
    """Read how an asset is mounted. None if it is not."""
    given = [key for key in _MOUNT_KEYS if item.get(key) not in (None, "")]
    if not given:
        return None
    if is_fetched:
        values.problem((*path, given[0]), f"`{given[0]}` is for assets without `url` and `git`", key=True)
        return None
    if "name" not in item:
        values.problem(path, f"an asset with `{given[0]}` needs a `name`", f"for example `name: data`; {_NAME_HINT}")
        return None
    if item.get("nfs") and item.get("volume"):
        values.problem((*path, "volume"), "an asset has `nfs` or `volume`, not both", "remove one of the two", key=True)
        return None
    place = values.text((*path, "path"), within=item)
    return Mount(
        path=values.path((*path, "path"), place, PathKind.SOURCE) if place else None,
        nfs=_nfs(values, (*path, "nfs"), item.get("nfs")),
        volume=_volume(values, (*path, "volume"), item.get("volume")),
        read_only=item.get("read_only") is True,
    )


def _nfs(values: Values, path: Path, item: Item | None) -> Nfs | None:
    if not isinstance(item, Mapping):
        return None
    server = values.required_text((*path, "server"), within=item, hint="name the server or its address")
    directory = values.required_text((*path, "path"), within=item, hint="name the directory that the server exports")
    if directory and not directory.startswith("/"):
        values.problem((*path, "path"), f"`{directory}` does not begin with `/`", "write the path on the server")
    return Nfs(server, directory, _subpath(values, (*path, "subpath"), item))


def _volume(values: Values, path: Path, item: Item | None) -> Volume | None:
    if not isinstance(item, Mapping):
        return None
    claim = values.required_text((*path, "claim"), within=item, hint="name the persistent volume claim")
    scope = item.get("scope")
    return Volume(claim, _subpath(values, (*path, "subpath"), item), scope if scope in SCOPES else "project")


def _subpath(values: Values, path: Path, item: Item) -> str:
    written = values.text(path, within=item)
    normal = normalise(written.strip("/"))
    if is_outside(normal):
        values.problem(path, f"`{written}` leads out of what is mounted", "name a directory inside it")
        return ""
    return "" if normal == "." else normal

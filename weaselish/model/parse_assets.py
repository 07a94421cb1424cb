"""Read the assets of project.yml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_sources import read_mount, read_source_name
from weaselish.model.parse_values import Values
from weaselish.model.path_rules import PathKind, read_only_places
from weaselish.model.project import Asset, Git
from weaselish.model.schema import EMPTY_DEST


def read_assets(values: Values) -> tuple[Asset, ...]:
    """Read the assets in the order of the file. An asset without a usable dest is left out."""
    found = dict(_assets(values))
    values.read_only = tuple(read_only_places(found.values()))
    for path, asset in found.items():
        if not asset.is_private:
            values.is_refused((*path, "dest"), asset.dest, PathKind.FETCHED_ASSET)
    return tuple(found.values())


def _assets(values: Values) -> Iterator[tuple[Path, Asset]]:
    before: set[str] = set()
    names: set[str] = set()
    for index, item in enumerate(values.data.get("assets") or ()):
        if item is None:
            continue
        asset = _asset(values, ("assets", index), item, names)
        if asset is None:
            continue
        if asset.dest in before:
            message = f"asset `{asset.dest}` is listed twice, and only the first counts"
            values.warn(("assets", index, "dest"), message, "remove one of the two")
            continue
        before.add(asset.dest)
        yield ("assets", index), asset


def _asset(values: Values, path: Path, item: Mapping[str, Any], names: set[str]) -> Asset | None:
    dest = values.required_text((*path, "dest"), within=item, hint=EMPTY_DEST)
    values.name(path, dest)
    url = values.text((*path, "url"), within=item) or None
    git = _git(values, (*path, "git"), item.get("git") or {})
    kind = PathKind.FETCHED_ASSET if url or git else PathKind.PRIVATE_ASSET
    normal = values.path((*path, "dest"), dest, kind) if dest else None
    if normal is None:
        return None
    values.name(path, normal)
    name = read_source_name(values, (*path, "name"), item, names)
    asset = Asset(
        dest=normal,
        url=url,
        git=git,
        checksum=(item.get("checksum") or "").lower() or None,
        description=values.text((*path, "description"), within=item),
        extra=bool(item.get("extra", False)),
        name=name,
        mount=read_mount(values, path, item, is_fetched=bool(url or git)),
    )
    _warn_of_empty_sources(values, path, item, asset)
    return asset


def _warn_of_empty_sources(values: Values, path: Path, item: Mapping[str, Any], asset: Asset) -> None:
    """Warn of a source that is still to be filled in."""
    hint = "leave the key out, or say where to fetch the asset"
    message = f"is empty: asset `{asset.dest}` counts as private"
    if asset.is_private and "url" in item:
        values.warn((*path, "url"), f"`url` {message}", hint)
    elif asset.is_private and item.get("git"):
        values.warn((*path, "git", "repo"), f"`git.repo` {message}", hint)


def _git(values: Values, path: Path, item: Mapping[str, Any]) -> Git | None:
    """Return the git source, None if it has no repository."""
    repo = values.text((*path, "repo"), within=item)
    source = Git(
        repo=repo,
        path=values.text((*path, "path"), within=item),
        branch=values.text((*path, "branch"), within=item) or None,
    )
    return source if repo else None

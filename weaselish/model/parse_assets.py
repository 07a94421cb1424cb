"""Read the assets of project.yml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Asset, Git


def read_assets(values: Values) -> Iterator[Asset]:
    """The assets in the order of the file."""
    for index, item in enumerate(values.data.get("assets") or ()):
        path: Path = ("assets", index)
        if item is None:
            continue
        dest = values.path((*path, "dest"), values.text((*path, "dest"), within=item), what="an asset")
        git = item.get("git")
        yield Asset(
            dest=dest or "",
            url=values.text((*path, "url"), within=item) or None,
            git=_git(values, (*path, "git"), git) if git else None,
            checksum=(item.get("checksum") or "").lower() or None,
            description=values.text((*path, "description"), within=item),
            extra=bool(item.get("extra", False)),
        )


def _git(values: Values, path: Path, item: Mapping[str, Any]) -> Git:
    return Git(
        repo=values.text((*path, "repo"), within=item),
        path=values.text((*path, "path"), within=item),
        branch=values.text((*path, "branch"), within=item) or None,
    )

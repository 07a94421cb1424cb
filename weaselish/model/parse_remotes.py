"""Read the remotes of project.yml."""

from __future__ import annotations

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Remote
from weaselish.model.urls import remote_url_problem


def read_remotes(values: Values) -> dict[str, Remote]:
    """Read the remotes by name: a URL, or a mapping with its options."""
    remotes = {}
    for name, item in values.mapping("remotes").items():
        path: Path = ("remotes", name)
        if item is None:
            continue
        if isinstance(item, str):
            remotes[name] = Remote(name, _url(values, path, item))
            continue
        remotes[name] = Remote(
            name,
            _url(values, (*path, "url"), item.get("url") or ""),
            endpoint_url=values.text((*path, "endpoint_url"), within=item) or None,
            profile=values.text((*path, "profile"), within=item) or None,
            region=values.text((*path, "region"), within=item) or None,
            read_only=bool(item.get("read_only")),
            anonymous=bool(item.get("anonymous")),
            sse=item.get("sse") or None,
            kms_key=values.text((*path, "kms_key"), within=item) or None,
            requester_pays=bool(item.get("requester_pays")),
        )
    return remotes


def _url(values: Values, path: Path, written: str) -> str:
    """Replace the references in a remote's URL and note what is wrong with it."""
    url = values.interpolated(path, written)
    if url is not None and written and (problem := remote_url_problem(url)):
        values.problem(path, *problem)
    return url or ""

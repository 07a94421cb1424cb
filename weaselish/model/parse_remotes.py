"""Read the remotes of project.yml."""

from __future__ import annotations

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Remote
from weaselish.model.urls import remote_url_problem


def read_remotes(values: Values) -> dict[str, Remote]:
    """The remotes by name: a URL, or a mapping with its options."""
    remotes = {}
    for name, item in values.mapping("remotes").items():
        path: Path = ("remotes", name)
        if item is None:
            continue
        if isinstance(item, str):
            remotes[name] = Remote(name, _url(values, path, item))
            continue
        texts = {key: values.text((*path, key), within=item) or None for key in ("endpoint_url", "profile", "region")}
        url = _url(values, (*path, "url"), item.get("url") or "")
        remotes[name] = Remote(name, url, **texts, read_only=item.get("read_only", False))
    return remotes


def _url(values: Values, path: Path, written: str) -> str:
    """Replace the references in a remote's URL and note what is wrong with it."""
    url = values.interpolated(path, written)
    if url is not None and written and (problem := remote_url_problem(url)):
        values.problem(path, *problem)
    return url or ""

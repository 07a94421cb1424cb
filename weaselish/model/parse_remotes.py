"""Read the remotes of project.yml."""

from __future__ import annotations

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Remote


def read_remotes(values: Values) -> dict[str, Remote]:
    """The remotes by name: a URL, or a mapping with its options."""
    remotes = {}
    for name, item in values.mapping("remotes").items():
        path: Path = ("remotes", name)
        if item is None:
            continue
        if isinstance(item, str):
            remotes[name] = Remote(name, values.interpolated(path, item) or item)
            continue
        texts = {key: values.text((*path, key), within=item) or None for key in ("endpoint_url", "profile", "region")}
        url = values.text((*path, "url"), within=item)
        remotes[name] = Remote(name, url, **texts, read_only=item.get("read_only", False))
    return remotes

"""Read the remotes of project.yml, and which of them is the run cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.errors import UnknownName
from weaselish.model.cache import LOCAL, CacheSettings
from weaselish.model.locations import Path
from weaselish.model.parse_auth import read_auth
from weaselish.model.parse_values import Values
from weaselish.model.project import Remote
from weaselish.model.urls import PATH_STARTS, is_unencrypted, remote_url_problem


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
            auth=read_auth(values, (*path, "auth"), item.get("auth")),
        )
    return remotes


def read_cache(values: Values, remotes: Mapping[str, Remote]) -> CacheSettings | None:
    """Read the settings of the run cache: a remote alone, or a mapping with its options."""
    given = values.data.get("cache")
    if given is None:
        return None
    path: Path = ("cache",) if isinstance(given, str) else ("cache", "remote")
    options: Mapping[str, Any] = {"remote": given} if isinstance(given, str) else given
    name = values.interpolated(path, str(options.get("remote") or ""))
    if not name:
        return None
    if name not in remotes and name != LOCAL and "://" not in name and not name.startswith(PATH_STARTS):
        unknown = UnknownName("remote", name, [LOCAL, *remotes])
        values.problem(path, unknown.message, unknown.hint)
    return CacheSettings(name, options.get("mode", "read-write"), options.get("policy", "always"))


def _url(values: Values, path: Path, written: str) -> str:
    """Replace the references in a remote's URL and note what is wrong with it."""
    url = values.interpolated(path, written)
    if url is not None and written and (problem := remote_url_problem(url)):
        values.problem(path, *problem)
    elif url and is_unencrypted(url):
        values.warn(path, "the data and the login of this remote are sent unencrypted", "use `artifactory+https://`")
    return url or ""

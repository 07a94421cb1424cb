"""Lists the versions of artifacts, and shows what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from weaselish.cancel import Cancel
from weaselish.engine.artifacts.catalogue import Facts, files_of, read_facts
from weaselish.engine.artifacts.manifest import Manifest, read_fact, read_manifest
from weaselish.engine.artifacts.names import Names
from weaselish.engine.workers import Workers
from weaselish.errors import StoreError
from weaselish.model.versions import in_order
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Store

_READERS = 16  # manifests that are read at a time


class Listed(NamedTuple):
    """A version in a list. `problem`: why its manifest cannot be used."""

    version: str | None
    file: str
    size: int | None
    manifest: Manifest | None
    aliases: tuple[str, ...]
    yanked: str | None  # the reason, which may be empty; None if it was not withdrawn
    problem: str | None = None


def list_versions(store: Store, names: Names, cancel: Cancel) -> list[Listed]:
    """Return the versions of an artifact on the remote, the highest first."""
    if names.is_singular:
        return _singular(store, names)
    facts = read_facts(store, names)
    files = {version: key for _, version, key in files_of(store, [names], cancel)}
    aliases: dict[str, list[str]] = {}
    for key in facts.aliases:
        document = _fact(store, key)
        aliases.setdefault(str(document.get("version")), []).append(_name_of(key))
    listed: dict[str, Listed] = {}
    with Workers[Listed](_READERS, cancel) as workers:
        for version in facts.manifests | files.keys():
            file = files.get(version)
            workers.start(partial(_listed, store, names, version, file, tuple(aliases.get(version, ()))))
        while workers.running:
            one = workers.wait()
            listed[str(one.version)] = one._replace(yanked=_reason(store, names, one.version, facts))
    return [listed[version] for version in in_order(listed)[::-1]]


def _reason(store: Store, names: Names, version: str | None, facts: Facts) -> str | None:
    """Return why a version was withdrawn, None if it was not."""
    if version is None or version not in facts.yanked:
        return None
    return str(_fact(store, names.yanked(version)).get("reason") or "")


def _listed(store: Store, names: Names, version: str | None, file: str | None, aliases: tuple[str, ...]) -> Listed:
    problem = manifest = None
    try:
        manifest = read_manifest(store, names, version)
    except StoreError as error:
        problem = error.message
    key = manifest.file if manifest else file or ""
    stored = store.head(key) if key else None
    if stored is None and problem is None:
        problem = "its file is not on the remote"
    return Listed(version, key, stored.size if stored else None, manifest, aliases, None, problem)


def _singular(store: Store, names: Names) -> list[Listed]:
    ends = (False,) if names.suffix else (False, True)
    files = (names.file(None, is_directory=is_directory) for is_directory in ends)
    file = next((file for file in files if store.head(file) is not None), None)
    one = _listed(store, names, None, file, ())
    return [one] if one.manifest or file or one.problem != "its file is not on the remote" else []


def _fact(store: Store, key: str) -> Mapping[str, Any]:
    """Return one of our objects; an empty mapping without it, or if it is broken."""
    try:
        return read_fact(store, key) or {}
    except StoreError:
        return {}


def _name_of(key: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(key.rpartition("/")[2].removesuffix(".json"))

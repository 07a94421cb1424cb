"""The use-cases that read or set facts about versions: list, show, alias, yank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from weaselish.engine.artifacts.aliases import check_alias, put_alias, put_yanked
from weaselish.engine.artifacts.catalogue import Version
from weaselish.engine.artifacts.listing import Listed, list_versions
from weaselish.engine.artifacts.manifest import read_fact
from weaselish.engine.artifacts.names import Names, names_of
from weaselish.engine.artifacts.stored_run import published_on
from weaselish.engine.artifacts.stores import Stores, named_artifact
from weaselish.engine.artifacts.transfer import find_version
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.errors import StoreError, UsageError
from weaselish.model.versions import NEWEST, Selector, SelectorKind, after_at, parse_selector
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

T = TypeVar("T")


class Shown(NamedTuple):
    """The facts about a version. `record`: the published record of its run. `checks`: what reruns found, by time."""

    version: Version
    aliases: tuple[str, ...]
    yanked: str | None
    record: Record | None
    checks: tuple[dict[str, Any], ...]


def versions_of(workspace: Workspace, name: str, *, prefix: str, open_store: OpenStore) -> tuple[Listed, ...]:
    """Return the versions of an artifact, the highest first. Raises UnknownName and StoreError."""
    artifact = named_artifact(workspace, name)
    names = names_of(artifact, prefix)
    with Stores(workspace, open_store) as stores:
        store = stores.of(artifact)
        return tuple(_aside(workspace, lambda: list_versions(store, names, workspace.cancel)))


def show(workspace: Workspace, name: str, wanted: str, *, prefix: str, open_store: OpenStore) -> Shown:
    """Return what is known of a version. Raises UnknownName, NoSuchVersion and StoreError."""
    artifact, selector = named_artifact(workspace, name), selector_after_at(wanted)
    with Stores(workspace, open_store) as stores:

        def read() -> Shown:
            version = find_version(workspace, stores, artifact, selector, prefix)
            return _shown(workspace, stores.of(artifact), version)

        return _aside(workspace, read)


def _shown(workspace: Workspace, store: Store, version: Version) -> Shown:
    names, run = version.names, version.manifest.record if version.manifest else None
    published = published_on(store, run) if run else None
    listed = [one for one in list_versions(store, names, workspace.cancel) if one.version == version.number]
    return Shown(
        version,
        listed[0].aliases if listed else (),
        listed[0].yanked if listed else None,
        published.record if published else None,
        tuple(checks_of(store, names, version.number)),
    )


def checks_of(store: Store, names: Names, number: str | None) -> list[dict[str, Any]]:
    """Return what reruns of a version found, the first one first. Skip what cannot be read."""
    found = []
    for key in sorted(stored.key for stored in store.list(names.checks(number))):
        try:
            document = read_fact(store, key)
        except StoreError:
            continue
        if document is not None:
            found.append(document)
    return found


def set_alias(
    workspace: Workspace, name: str, wanted: str, alias: str, *, prefix: str, open_store: OpenStore
) -> Version:
    """Let an alias stand for a version that is on the remote. Return the version."""
    check_alias(alias)
    return _change(
        workspace,
        name,
        parse_selector(wanted),
        prefix,
        open_store,
        lambda store, version: put_alias(store, version.names, _number(version), alias),
    )


def yank(workspace: Workspace, name: str, wanted: str, reason: str, *, prefix: str, open_store: OpenStore) -> Version:
    """Withdraw a version: from now on, only its exact number or an alias selects it. Return it as it was before."""
    selector = parse_selector(wanted)
    if selector.kind is not SelectorKind.EXACT:
        raise UsageError(f"`{wanted}` is not an exact version", hint="name the version to withdraw: `1.4.0`")
    return _change(
        workspace,
        name,
        selector,
        prefix,
        open_store,
        lambda store, version: put_yanked(store, version.names, _number(version), reason),
    )


def _number(version: Version) -> str:
    if version.number is None:
        raise UsageError(f"artifact `{version.names.full}` is singular: it has no versions")
    return version.number


def _change(
    workspace: Workspace,
    name: str,
    selector: Selector,
    prefix: str,
    open_store: OpenStore,
    change: Callable[[Store, Version], object],
) -> Version:
    artifact = named_artifact(workspace, name)
    with Stores(workspace, open_store) as stores:

        def act() -> Version:
            store = stores.writable(artifact)
            version = find_version(workspace, stores, artifact, selector, prefix)
            change(store, version)
            return version

        return _aside(workspace, act)


def selector_after_at(text: str) -> Selector:
    """Return what follows the `@` of `model@1.4.0` or `model@champion`; by default the highest version."""
    if not text:
        return Selector(SelectorKind.NEWEST, NEWEST)
    return parse_selector(after_at(text))


def _aside(workspace: Workspace, call: Callable[[], T]) -> T:
    return run_aside(call, workspace.cancel)

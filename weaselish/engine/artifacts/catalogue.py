"""Finds the versions of artifacts on a remote: those with a manifest, and files that other tools stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weaselish.cancel import Cancel
from weaselish.engine.artifacts.manifest import Manifest, read_fact, read_manifest
from weaselish.engine.artifacts.names import SINGULAR, Names
from weaselish.errors import ProjError, StoreError, in_short
from weaselish.model.versions import Best, Selector, SelectorKind, in_order, is_version
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Store

_NEAREST = 6  # versions that a message names


class Version(NamedTuple):
    """A version on a remote: its file, and its manifest unless another tool stored it."""

    names: Names
    number: str | None  # None of a singular artifact
    file: str
    size: int
    manifest: Manifest | None
    is_yanked: bool = False

    @property
    def is_directory(self) -> bool:
        if self.manifest is not None:
            return self.manifest.is_directory
        return self.file == self.names.file(self.number, is_directory=True) and not self.names.suffix

    @property
    def label(self) -> str:
        """How messages name it: `model 1.4.0`."""
        return self.names.full if self.number is None else f"{self.names.full} {self.number}"


class NoSuchVersion(ProjError):
    """No version of the artifact on the remote fits the request.

    Cure: `proj artifact list NAME` shows the versions; `proj artifact push NAME` stores one.
    """


class Facts(NamedTuple):
    """What the remote has below `.proj` of one artifact, by version."""

    manifests: frozenset[str]
    yanked: frozenset[str]
    aliases: tuple[str, ...]  # keys


def read_facts(store: Store, names: Names) -> Facts:
    """List the manifests, yanks and aliases of an artifact."""
    manifests: set[str] = set()
    yanked: set[str] = set()
    aliases: list[str] = []
    start = f"{names.folder}/"
    for stored in store.list(names.folder):
        kind, _, name = stored.key.removeprefix(start).rpartition("/")
        version = name.removesuffix(".json")
        if version == name:
            continue
        if kind == "aliases":
            aliases.append(stored.key)
        elif is_version(version) and kind in ("", "yanked"):
            (yanked if kind else manifests).add(version)
    return Facts(frozenset(manifests), frozenset(yanked), tuple(sorted(aliases)))


def files_of(store: Store, wanted: Sequence[Names], cancel: Cancel) -> Iterator[tuple[Names, str, str]]:
    """Yield (names, version, key) of each file on the remote that is a version of an artifact, in one listing.

    Memory does not grow with the remote.
    """
    for directory in dict.fromkeys(names.directory for names in wanted):
        near = [names for names in wanted if names.directory == directory]
        for stored in store.list(directory):
            cancel.check()
            for names in near:
                if (version := names.version_of(stored)) is not None:
                    yield names, version, stored.key


def select(
    store: Store, requests: Sequence[tuple[Names, Selector]], project: str | None, cancel: Cancel
) -> dict[Names, str | ProjError]:
    """Return the version that each selector takes, or why there is none. The remote is listed at most once.

    `project`: the project's version, for `LATEST`.
    """
    chosen: dict[Names, str | ProjError] = {}
    open_requests: dict[Names, tuple[Selector, Best, Facts]] = {}
    for names, selector in requests:
        if selector.kind is SelectorKind.ALIAS:
            chosen[names] = _attempt(store, names, selector.text)
        elif selector.kind is SelectorKind.EXACT:
            chosen[names] = selector.text
        else:
            facts, best = read_facts(store, names), Best(selector, project)
            for version in facts.manifests - facts.yanked:
                best.offer(version)
            open_requests[names] = selector, best, facts
    for names, version, _ in files_of(store, list(open_requests), cancel):
        _, best, facts = open_requests[names]
        if version not in facts.yanked:
            best.offer(version)
    for names, (selector, best, _) in open_requests.items():
        chosen[names] = best.version or _none_fits(store, names, selector, project, cancel)
    return chosen


def _attempt(store: Store, names: Names, alias: str) -> str | ProjError:
    try:
        return version_of_alias(store, names, alias)
    except ProjError as error:
        return error


def version_of_alias(store: Store, names: Names, alias: str) -> str:
    """Return the version that an alias stands for. Raises NoSuchVersion and StoreError."""
    document = read_fact(store, names.alias(alias))
    if document is None:
        raise NoSuchVersion(f"`{names.full}` has no alias `{alias}`", hint=f"`proj artifact list {names.full}`")
    version = document.get("version")
    if not isinstance(version, str) or not is_version(version):
        raise StoreError(f"alias `{alias}` of `{names.full}` names no version", hint="set it again")
    return version


def _none_fits(store: Store, names: Names, selector: Selector, project: str | None, cancel: Cancel) -> ProjError:
    """Return the error that no version fits, with those that the remote has."""
    found = in_order(all_versions(store, names, cancel))[::-1]
    if not found:
        return NoSuchVersion(f"no version of `{names.full}` is on the remote")
    yanked = read_facts(store, names).yanked
    shown = [f"{version} (withdrawn)" if version in yanked else version for version in found]
    available = in_short(shown, most=_NEAREST, separator=", ")
    if selector.kind is SelectorKind.LATEST:
        return NoSuchVersion(f"no compatible version of `{names.full}`: project {project}, available {available}")
    wanted = "" if selector.kind is SelectorKind.NEWEST else f" in `{selector.text}`"
    return NoSuchVersion(f"no version of `{names.full}`{wanted}: available {available}")


def all_versions(store: Store, names: Names, cancel: Cancel) -> set[str]:
    """Return all versions of an artifact on the remote."""
    return {*read_facts(store, names).manifests, *(version for _, version, _ in files_of(store, [names], cancel))}


def find(store: Store, names: Names, number: str | None, cancel: Cancel) -> Version:
    """Return a version of an artifact; `number` is None of a singular one. Raises NoSuchVersion and StoreError."""
    manifest = read_manifest(store, names, number)
    is_yanked = number is not None and store.head(names.yanked(number)) is not None
    files = [manifest.file] if manifest else _possible_files(names, number)
    for file in files:
        stored = store.head(file)
        if stored is not None:
            return Version(names, number, file, stored.size, manifest, is_yanked)
    if manifest is not None:
        raise StoreError(
            f"the remote has the manifest of `{names.full}` {number or ''} but not its file `{file}`".replace(
                "  ", " "
            ),
            hint="push it again with `--force`",
        )
    if number is None:
        raise NoSuchVersion(f"`{names.full}` is not on the remote")
    found = in_order(all_versions(store, names, cancel))
    hint = f"available: {in_short(found[::-1], most=_NEAREST, separator=', ')}" if found else None
    raise NoSuchVersion(f"no version {number} of `{names.full}` is on the remote", hint=hint)


def _possible_files(names: Names, number: str | None) -> Iterable[str]:
    yield names.file(number, is_directory=False)
    if not names.suffix:
        yield names.file(number, is_directory=True)


__all__ = ["SINGULAR", "Facts", "NoSuchVersion", "Version", "all_versions", "files_of", "find", "read_facts", "select"]

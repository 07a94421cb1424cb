"""Compares two versions of an artifact: their files, and the runs that produced them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from weaselish.engine import events
from weaselish.engine.artifacts.catalogue import Version
from weaselish.engine.artifacts.facts import selector_after_at
from weaselish.engine.artifacts.pull import Puller
from weaselish.engine.artifacts.stored_run import published_on
from weaselish.engine.artifacts.stores import Stores, named_artifact
from weaselish.engine.artifacts.transfer import find_version
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.model.artifacts import Artifact
from weaselish.named_tuple import NamedTuple
from weaselish.plan.comparison import Change, ChangeKind, Comparison, compare
from weaselish.workspace import Workspace


class VersionDiff(NamedTuple):
    """What differs. `files`: each file of a directory, or the file. `runs`: None unless both records are known."""

    old: Version
    new: Version
    files: tuple[Change, ...]
    runs: Comparison | None


def diff_versions(
    workspace: Workspace,
    name: str,
    old: str,
    new: str,
    *,
    prefix: str,
    open_store: OpenStore,
    report: events.Reporter,
) -> VersionDiff:
    """Download two versions aside and compare them. Raises UnknownName, NoSuchVersion and StoreError."""
    artifact = named_artifact(workspace, name)
    with Stores(workspace, open_store) as stores, TemporaryDirectory(prefix="proj-artifact-") as place:

        def compared() -> VersionDiff:
            versions = [
                find_version(workspace, stores, artifact, selector_after_at(text), prefix) for text in (old, new)
            ]
            store = stores.of(artifact)
            puller = Puller(workspace, store, report)
            then, now = (
                _files(puller, artifact, version, Path(place) / str(index)) for index, version in enumerate(versions)
            )
            runs = [
                published_on(store, one.manifest.record) if one.manifest and one.manifest.record else None
                for one in versions
            ]
            comparison = None
            if runs[0] is not None and runs[1] is not None:
                comparison = compare(runs[0].record, runs[1].record, lambda one, other: None)
            return VersionDiff(versions[0], versions[1], _changes(then, now), comparison)

        return run_aside(compared, workspace.cancel)


def _files(puller: Puller, artifact: Artifact, version: Version, place: Path) -> dict[str, str]:
    """Return path -> SHA-256 of the files of a version; of a file that is not a directory its path in the project."""
    place.mkdir()
    top, sha256 = puller.fetch(artifact, version, place, unpacks=version.is_directory)
    if not version.is_directory:
        return {artifact.path: sha256}
    found = {}
    for directory, _, names in os.walk(top):
        for name in names:
            path = Path(directory) / name
            found[str(path.relative_to(top))] = os.readlink(path) if path.is_symlink() else _sha256(path)
    return found


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _changes(then: dict[str, str], now: dict[str, str]) -> tuple[Change, ...]:
    def kind(path: str) -> ChangeKind:
        if path not in then:
            return ChangeKind.ADDED
        return ChangeKind.CHANGED if path in now else ChangeKind.REMOVED

    return tuple(
        Change(kind(path), path) for path in sorted(then.keys() | now.keys()) if then.get(path) != now.get(path)
    )

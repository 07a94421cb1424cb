"""Puts imported artifacts in place before steps run: the pinned version, or the best of the range, which it pins."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.artifacts.catalogue import Version, find
from weaselish.engine.artifacts.manifest import manifest_at
from weaselish.engine.artifacts.names import names_of
from weaselish.engine.artifacts.pins import imported, is_in_place, pin_of, read_by
from weaselish.engine.artifacts.pull import Puller
from weaselish.engine.artifacts.stores import Outcome, Stores, for_each, named_artifact
from weaselish.engine.artifacts.transfer import find_version
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.errors import ProjError, StoreError, UsageError
from weaselish.files.staging import staging_directory
from weaselish.model.artifacts import Artifact
from weaselish.model.project import Command
from weaselish.model.versions import parse_selector
from weaselish.records.pins import Pin
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

_JOBS = 8  # artifacts at a time
_GRACE = 0.8  # seconds to unwind after Ctrl-C


@dataclass(frozen=True, slots=True)
class Updated:
    """The pin of an artifact before and after an update."""

    name: str
    old: str | None
    new: str


def fetch_imported(
    workspace: Workspace, commands: Iterable[Command], *, open_store: OpenStore, report: events.Reporter
) -> None:
    """Put the imported artifacts that the commands read in place, each in its pinned version.

    Asks no remote if all are in place. Raises the first error of an artifact.
    """
    missing = [one for one in read_by(workspace, commands) if not _is_pinned_and_in_place(workspace, one)]
    if missing:
        outcomes = _put_all(workspace, missing, open_store=open_store, report=report, is_update=False, force=False)
        for outcome in outcomes:
            outcome.get()


def update(
    workspace: Workspace, artifacts: Sequence[Artifact], *, force: bool, open_store: OpenStore, report: events.Reporter
) -> tuple[Outcome[Updated], ...]:
    """Resolve the ranges of artifacts anew, put the versions in place, and pin them."""
    return _put_all(workspace, artifacts, open_store=open_store, report=report, is_update=True, force=force)


def update_named(
    workspace: Workspace, names: Sequence[str], *, force: bool, open_store: OpenStore, report: events.Reporter
) -> tuple[Outcome[Updated], ...]:
    """Update the imported artifacts of these names, by default all. Raises UnknownName and UsageError."""
    artifacts = [named_artifact(workspace, name) for name in names] or list(imported(workspace).values())
    own = next((one for one in artifacts if not one.is_imported), None)
    if own is not None:
        message = f"artifact `{own.name}` is published by this project: it has no range to resolve"
        raise UsageError(message, hint="`proj artifact list` shows which artifacts are imported")
    if not artifacts:
        raise UsageError("project.yml imports no artifacts", hint='give one a range: `version: "^1.2"`')
    return update(workspace, artifacts, force=force, open_store=open_store, report=report)


def _is_pinned_and_in_place(workspace: Workspace, artifact: Artifact) -> bool:
    pin = pin_of(workspace, artifact)
    return pin is not None and is_in_place(workspace, artifact, pin)


def _put_all(
    workspace: Workspace,
    artifacts: Sequence[Artifact],
    *,
    open_store: OpenStore,
    report: events.Reporter,
    is_update: bool,
    force: bool,
) -> tuple[Outcome[Updated], ...]:
    workspace.prepare_to_change()
    workspace.digests.forget()
    pins: dict[str, Pin] = {}
    with Stores(workspace, open_store) as stores:

        def put(artifact: Artifact) -> Updated:
            old = workspace.records.pins.get(artifact.name)
            pinned = None if is_update else pin_of(workspace, artifact)
            report(events.Preparing(f"looking for artifact `{artifact.name}`"))
            pins[artifact.name] = pin = _put(workspace, stores, artifact, pinned, report, force=force)
            return Updated(artifact.name, old.version if old else None, pin.version)

        outcomes = run_aside(
            lambda: for_each(artifacts, put, jobs=_JOBS, cancel=workspace.cancel), workspace.cancel, grace=_GRACE
        )
    workspace.digests.forget()
    if any(workspace.records.pins.get(name) != pin for name, pin in pins.items()):
        workspace.records.pin(pins)
    return outcomes


def _put(
    workspace: Workspace,
    stores: Stores,
    artifact: Artifact,
    pinned: Pin | None,
    report: events.Reporter,
    *,
    force: bool,
) -> Pin:
    """Put one artifact in place. Return its pin."""
    store = stores.of(artifact)
    if pinned is None:
        version = find_version(workspace, stores, artifact, parse_selector(artifact.range or "*"))
    else:
        version = _pinned_version(workspace, store, artifact, pinned)
    if version.is_yanked:
        report(events.Note(f"{version.label} was withdrawn", f"`proj artifact update {artifact.name}` takes another"))
    known = workspace.records.pins.get(artifact.name)
    may_replace = force or (known is not None and is_in_place(workspace, artifact, known))
    try:
        pulled = Puller(workspace, store, report).put_in_place(artifact, version, force=may_replace)
    except ProjError as error:
        raise _explained(error, artifact, version) from None
    if pinned is not None and pulled.sha256 not in ("", pinned.sha256):
        raise _changed(artifact, pinned)
    digest = workspace.digests.digest(artifact.path, "output") or ""
    if pinned is not None:
        return pinned
    return Pin(artifact.range or "*", version.number or "", digest, pulled.sha256, artifact.remote)


def _pinned_version(workspace: Workspace, store: Store, artifact: Artifact, pin: Pin) -> Version:
    """Return the pinned version as the remote has it; the bytes that were kept if a forced push replaced them."""
    names = names_of(artifact)
    version = find(store, names, pin.version, workspace.cancel)
    if version.manifest is None or version.manifest.sha256 == pin.sha256:
        return version
    manifest = manifest_at(store, names.replaced(pin.sha256, "manifest.json"), names, pin.version)
    if manifest is None or manifest.sha256 != pin.sha256:
        raise _changed(artifact, pin)
    file = names.replaced(pin.sha256, posixpath.basename(manifest.file))
    return Version(names, pin.version, file, manifest.size, manifest, version.is_yanked)


def _changed(artifact: Artifact, pin: Pin) -> StoreError:
    return StoreError(
        f"{artifact.name} {pin.version} on remote `{artifact.remote}` differs from what project.lock pins",
        hint=f"its publisher replaced it: `proj artifact update {artifact.name}` takes the new content",
    )


def _explained(error: ProjError, artifact: Artifact, version: Version) -> ProjError:
    """Return an error with the way out for an imported artifact whose place has local content."""
    if "would be lost" not in error.message:
        return error
    command = f"proj artifact pull {artifact.name} {version.number} --override --force"
    return ProjError(error.message, hint=f"move it away to keep it; or `{command}` replaces it")


def fetch_version_to(
    workspace: Workspace,
    artifact: Artifact,
    number: str,
    target: Path,
    *,
    open_store: OpenStore,
    report: events.Reporter,
) -> None:
    """Put a version of an artifact at `target`, which must not exist. Raises NoSuchVersion and StoreError."""
    with Stores(workspace, open_store) as stores, staging_directory(target) as place:
        store = stores.of(artifact)
        version = find(store, names_of(artifact), number, workspace.cancel)
        new, _ = Puller(workspace, store, report).fetch(artifact, version, place, unpacks=version.is_directory)
        new.rename(target)

"""Publishes an artifact: content first, create-only, then the manifest that says which run produced it."""

from __future__ import annotations

import os
import posixpath
import time
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from weaselish import __version__
from weaselish.engine import events
from weaselish.engine.artifacts.attest import producing_run
from weaselish.engine.artifacts.content import Outgoing, sha256_of
from weaselish.engine.artifacts.manifest import Manifest, RunReference, read_manifest
from weaselish.engine.artifacts.names import Names, names_of
from weaselish.engine.artifacts.stored_run import object_of, published_on
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.errors import NotInStore, ProjError, StoreError
from weaselish.model.artifacts import Artifact
from weaselish.plan.record import NO_REPOSITORY
from weaselish.stores.base import Store
from weaselish.workspace import Workspace


class PushState(StrEnum):
    PUSHED = "pushed"
    THERE = "already there"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did with one artifact.

    `size`: bytes in the store. `run`: the recorded run that vouches for it, or None. `is_published`: the record of
    that run is on the remote, so that others can verify the version by running it again.
    """

    name: str
    version: str | None
    state: PushState
    file: str
    size: int
    run: RunReference | None
    is_published: bool


@dataclass(frozen=True, slots=True)
class PushOptions:
    version: str | None = None  # instead of the project's
    prefix: str = ""
    force: bool = False
    alias: str | None = None


class Publisher:
    """Publishes artifacts of one workspace on one remote. Thread-safe."""

    def __init__(self, workspace: Workspace, store: Store, options: PushOptions, report: events.Reporter) -> None:
        self._workspace = workspace
        self._store = store
        self._options = options
        self._report = report

    def push(self, artifact: Artifact, version: str | None) -> Pushed:
        """Publish one artifact. Raises ProjError, also if the version exists with other content."""
        return _Pushing(self, artifact, version).run()

    @cached_property
    def provenance(self) -> ProvenanceSource:
        return ProvenanceSource(self._workspace.root)

    def passed(self, key: str, size: int) -> None:
        self._workspace.cancel.check()
        self._report(events.Transferred(key, size))

    @property
    def parts(self) -> tuple[Workspace, Store, PushOptions, events.Reporter]:
        return self._workspace, self._store, self._options, self._report


class _Pushing:
    """The push of one version of one artifact."""

    def __init__(self, publisher: Publisher, artifact: Artifact, version: str | None) -> None:
        self._publisher = publisher
        self._workspace, self._store, self._options, self._report = publisher.parts
        self._artifact = artifact
        self._version = None if artifact.singular else version
        self._names: Names = names_of(artifact, self._options.prefix)

    def run(self) -> Pushed:
        workspace, path = self._workspace, self._artifact.path
        digested = workspace.digests.of(path, "output")
        if digested is None:
            raise ProjError(f"`{path}` does not exist", hint=self._hint_at_producer())
        self._digest, size = digested.digest, digested.size
        found = producing_run(workspace, path)
        self._run = found[0] if found else None
        algorithm = workspace.project.digest
        self._file = ""
        self._outgoing = Outgoing(
            workspace.root, path, self._digest, algorithm, lambda size: self._publisher.passed(self._file, size)
        )
        self._file = self._names.file(self._version, is_directory=self._outgoing.is_directory)
        self._report(events.TransferStarted("push", 1, size))
        return self._publish()

    def _hint_at_producer(self) -> str | None:
        producers = self._workspace.producers.of(self._artifact.path)
        return f"`proj run {producers[0]}` produces it" if producers else "correct its `path:`"

    def _publish(self) -> Pushed:
        old = self._old_manifest()
        if old is not None and self._is_same(old):
            return self._kept(old)
        if old is not None or self._store.head(self._file) is not None:
            return self._on_conflict(old)
        if not self._store_content(replace=False):  # another process was faster
            return self._publish()
        return self._finish(PushState.PUSHED, replace=False)

    def _old_manifest(self) -> Manifest | None:
        """Return the manifest on the remote. With `--force`, one that cannot be used counts as missing."""
        try:
            return read_manifest(self._store, self._names, self._version)
        except StoreError:
            if self._options.force:
                return None
            raise

    def _is_same(self, old: Manifest) -> bool:
        """Return whether a version has the local content."""
        if old.is_directory != self._outgoing.is_directory:
            return False
        return self._workspace.digests_with(old.algorithm).digest(self._artifact.path, "output") == old.digest

    def _kept(self, old: Manifest) -> Pushed:
        """Return the result for a version that has this content already.

        Store its file again if that is gone or has another size; with `--force`, if its bytes are not the manifest's.
        """
        stored = self._store.head(old.file)
        is_intact = stored is not None and stored.size == old.size
        if is_intact and self._options.force:
            is_intact = self._sha256_of(old.file) == old.sha256
        if not is_intact:
            self._file = old.file
            self._store_content(replace=stored is not None)
            return self._finish(PushState.REPLACED, replace=True)
        is_published = old.record is None or published_on(self._store, old.record) is not None
        return self._pushed(PushState.THERE, old, is_published=is_published)

    def _on_conflict(self, old: Manifest | None) -> Pushed:
        """Adopt a file without a manifest that has these bytes; replace anything else if forced."""
        if old is None and self._has_our_bytes():
            return self._finish(PushState.THERE, replace=self._options.force)
        if not self._options.force:
            what = (
                f"`{self._names.full}`" if self._version is None else f"version {self._version} of `{self._names.full}`"
            )
            hint = "`--force` replaces it" + (
                "" if self._version is None else "; or bump the version: `proj version bump patch`"
            )
            raise ProjError(f"{what} is on the remote with other content", hint=hint)
        self._keep_replaced(old)
        self._store_content(replace=True)
        return self._finish(PushState.REPLACED, replace=True)

    def _has_our_bytes(self) -> bool:
        """Return whether the file on the remote has the bytes that would be stored."""
        stored = self._store.head(self._file)
        self._outgoing.measure()
        if stored is None or stored.size != self._outgoing.size:
            return False
        try:
            return self._sha256_of(self._file) == self._outgoing.sha256
        except NotInStore:
            return False

    def _sha256_of(self, key: str) -> str:
        return sha256_of(self._store, key, self._workspace.cancel, lambda size: self._publisher.passed(key, size))

    def _keep_replaced(self, old: Manifest | None) -> None:
        """Copy the bytes that are about to be replaced, and their manifest, to a place named by their SHA-256."""
        file = old.file if old else self._file
        if self._store.head(file) is None:
            return
        sha256 = old.sha256 if old else self._sha256_of(file)
        kept = self._names.replaced(sha256, posixpath.basename(file))
        if not self._copy(file, kept) and self._store.head(kept) is None:
            self._store.put(kept, self._store.get(file))
        if old is not None:
            self._store.put(self._names.replaced(sha256, "manifest.json"), [old.encoded()])

    def _copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        """Copy within the store. Return False if it cannot, or if the target exists."""
        try:
            return self._store.copy(source, target, replace=replace)
        except StoreError:  # CannotCopy, or a server that refuses: the bytes are sent instead
            return False

    def _store_content(self, *, replace: bool) -> bool:
        """Store the content. Return False if an object exists and must not be replaced."""
        if self._copy_from_run(replace=replace):
            return True
        return self._store.put(self._file, self._outgoing, replace=replace)

    def _copy_from_run(self, *, replace: bool) -> bool:
        """Copy the object that the run has on this remote, if that is the archive to store."""
        run = self._run
        if run is None or not self._outgoing.is_directory or run.path != self._artifact.path:
            return False
        published = published_on(self._store, run)
        found = object_of(published, run.path) if published else None
        if found is None:
            return False
        self._outgoing.measure()
        stored = self._store.head(found[0])
        if stored is None or stored.size != self._outgoing.size:
            return False
        return self._copy(found[0], self._file, replace=replace)

    def _finish(self, state: PushState, *, replace: bool) -> Pushed:
        """Store the manifest, which makes the version complete."""
        manifest = self._manifest()
        if not self._store.put(self._names.manifest(self._version), [manifest.encoded()], replace=replace):
            return self._publish()  # another process was faster
        is_published = self._run is None or published_on(self._store, self._run) is not None
        return self._pushed(state, manifest, is_published=is_published)

    def _manifest(self) -> Manifest:
        provenance = self._publisher.provenance.provenance(())
        git, project = provenance.git, self._workspace.project
        return Manifest(
            name=self._names.full,
            version=self._version,
            file=self._file,
            is_directory=self._outgoing.is_directory,
            size=self._outgoing.size,
            sha256=self._outgoing.sha256,
            algorithm=self._workspace.project.digest,
            digest=self._digest,
            path=self._artifact.path,
            record=self._run,
            project=project.name or project.title or os.path.basename(self._workspace.root),
            description=self._artifact.description,
            pushed=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            tool=f"proj {__version__}",
            host=os.uname().nodename,
            git=None if git in (None, NO_REPOSITORY) else git._asdict(),
        )

    def _pushed(self, state: PushState, manifest: Manifest, *, is_published: bool) -> Pushed:
        return Pushed(
            self._artifact.name,
            self._version,
            state,
            manifest.file,
            manifest.size,
            manifest.record,
            is_published,
        )

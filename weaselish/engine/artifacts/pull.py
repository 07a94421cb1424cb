"""Downloads a version of an artifact, verifies it, and puts it in place."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.artifacts.catalogue import Version
from weaselish.engine.artifacts.content import download, unpack_directory
from weaselish.engine.artifacts.owned import is_on_remote
from weaselish.engine.output_locks import hold_write_locks
from weaselish.engine.write_paths import check_asset_path
from weaselish.errors import ProjError
from weaselish.files.staging import staging_directory
from weaselish.files.swap import recover, swap_in
from weaselish.model.artifacts import Artifact
from weaselish.stores.base import Store
from weaselish.workspace import Workspace


class PullState(StrEnum):
    PULLED = "pulled"
    THERE = "already present"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did with one artifact. `path`: where it is now."""

    name: str
    version: str | None
    state: PullState
    path: Path
    size: int
    is_attested: bool
    is_yanked: bool
    sha256: str  # of the bytes on the remote; empty if they were not read and no manifest names it


@dataclass(frozen=True, slots=True)
class PullOptions:
    """Where a pull puts a version: beside project.yml, unless `override` (its `path`) or `out` say otherwise."""

    override: bool = False
    out: Path | None = None
    prefix: str = ""
    force: bool = False  # also replace what exists only locally


class Puller:
    """Downloads versions from one remote into one workspace. Thread-safe."""

    def __init__(self, workspace: Workspace, store: Store, report: events.Reporter) -> None:
        self._workspace = workspace
        self._store = store
        self._report = report

    def pull(self, artifact: Artifact, version: Version, options: PullOptions) -> Pulled:
        """Put a version where the options say. Raises ProjError, also for content that exists only locally."""
        if options.override:
            return self.put_in_place(artifact, version, force=options.force)
        target = self._workspace.root / posixpath.basename(version.file)
        unpacks = False
        if options.out is not None:
            into = options.out.is_dir() and not version.is_directory
            target = options.out / posixpath.basename(version.file) if into else options.out
            unpacks = version.is_directory
        return self._write(artifact, version, target, options, unpacks=unpacks)

    def _write(
        self, artifact: Artifact, version: Version, target: Path, options: PullOptions, *, unpacks: bool
    ) -> Pulled:
        """Write a version to a path that is not part of the project's graph."""
        recover(target)
        with staging_directory(target) as place:
            new, sha256 = self.fetch(artifact, version, place, unpacks=unpacks)
            if target.exists() or target.is_symlink():
                if not unpacks and target.is_file() and _same_bytes(new, target):
                    return _pulled(artifact, version, target, PullState.THERE, sha256)
                if not options.force:
                    raise ProjError(f"`{target}` exists with other content", hint="`--force` replaces it")
            self._workspace.cancel.check()
            swap_in(new, target)
        return _pulled(artifact, version, target, PullState.PULLED, sha256)

    def put_in_place(self, artifact: Artifact, version: Version, *, force: bool) -> Pulled:
        """Replace what is at the artifact's path. Raises ProjError if that exists only locally, unless `force`."""
        workspace, target = self._workspace, self._workspace.root / artifact.path
        workspace.prepare_to_change()
        name = f"artifact {artifact.name}"
        with hold_write_locks(workspace, name, (artifact.path,), self._report, shown=artifact.name):
            check_asset_path(workspace, artifact.path, what="artifact")
            recover(target)
            if self._has_content(artifact, version):
                return _pulled(artifact, version, target, PullState.THERE)
            if not force:
                self._check_replaceable(artifact, version)
            with staging_directory(target, workspace.staging_notes) as place:
                new, sha256 = self.fetch(artifact, version, place, unpacks=version.is_directory)
                check_asset_path(workspace, artifact.path, what="artifact")
                workspace.cancel.check()
                swap_in(new, target)
            workspace.digests.forget()
        return _pulled(artifact, version, target, PullState.PULLED, sha256)

    def fetch(self, artifact: Artifact, version: Version, place: Path, *, unpacks: bool) -> tuple[Path, str]:
        """Download a version into `place`, an empty directory, and verify it.

        Return where it is, and the SHA-256 of its bytes on the remote.
        """
        self._report(events.TransferStarted("pull", 1, version.size))
        cancel, progress = self._workspace.cancel, self._progress(version)
        if unpacks:
            return unpack_directory(self._store, version, artifact.path, place, cancel=cancel, progress=progress)
        new = place / posixpath.basename(version.file)
        return new, download(self._store, version, new, cancel=cancel, progress=progress)

    def _progress(self, version: Version) -> Callable[[int], None]:
        def passed(size: int) -> None:
            self._workspace.cancel.check()
            self._report(events.Transferred(version.file, size))

        return passed

    def _has_content(self, artifact: Artifact, version: Version) -> bool:
        manifest = version.manifest
        if manifest is None:
            return False
        self._workspace.digests.forget()
        return self._workspace.digests_with(manifest.algorithm).digest(artifact.path, "output") == manifest.digest

    def _check_replaceable(self, artifact: Artifact, version: Version) -> None:
        if not is_on_remote(self._workspace, self._store, artifact, version.names):
            raise ProjError(
                f"`{artifact.path}` differs from every version on the remote and would be lost",
                hint="push it or move it away to keep it; `--force` replaces it",
            )


def _pulled(artifact: Artifact, version: Version, path: Path, state: PullState, sha256: str = "") -> Pulled:
    manifest = version.manifest
    is_attested = manifest is not None and manifest.record is not None
    sha256 = sha256 or (manifest.sha256 if manifest else "")
    return Pulled(artifact.name, version.number, state, path, version.size, is_attested, version.is_yanked, sha256)


def _same_bytes(one: Path, other: Path) -> bool:
    import filecmp

    return filecmp.cmp(one, other, shallow=False)

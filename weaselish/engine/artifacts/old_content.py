"""Finds content by its digest as a past run had it: in the working tree, in git, or among a remote's objects."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from weaselish.archive.unpack import Limits
from weaselish.engine import events
from weaselish.engine.artifacts.pins import imported
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.download import BadObject, Downloader
from weaselish.engine.remote.published import outputs_of
from weaselish.engine.remote.resolve import OpenStore, open_tree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError
from weaselish.files.digests import Digests
from weaselish.files.remove import remove
from weaselish.model.paths import is_outside
from weaselish.model.project import Remote
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import ARTIFACTS, Record
from weaselish.workspace import Workspace

View = Literal["dep", "output"]
_MOST_COMMITS = 200  # of a path's history that are searched
_GIT_SECONDS = 60.0  # that one call of git may take


class OldContent:
    """Puts old content into a clean directory, verified by its digest."""

    def __init__(self, workspace: Workspace, remote: Remote, open_store: OpenStore, report: events.Reporter) -> None:
        self._workspace = workspace
        self._remote = remote
        self._open_store = open_store
        self._report = report

    def put(self, path: str, digest: str, root: Path, record: Record, *, view: View) -> bool:
        """Put the content with that digest at `path` in `root`. Return whether it was found.

        A path outside the project is left where it is, and counts as found if it has the content.
        """
        if is_outside(path):
            return self._workspace.digests_with(algorithm_of(digest)).digest(path, view) == digest
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        for attempt in self._attempts(path, digest, record, view):
            try:
                attempt(target)
            except (OSError, ProjError, tarfile.TarError, subprocess.SubprocessError):
                remove(target)
                continue
            if _digest(root, path, digest, view) == digest:
                return True
            remove(target)
        return False

    def _attempts(self, path: str, digest: str, record: Record, view: View) -> Iterator[Callable[[Path], None]]:
        workspace = self._workspace
        if workspace.digests_with(algorithm_of(digest)).digest(path, view) == digest:
            yield lambda target: _copy(workspace.root / path, target)
        for commit in self._commits(path, record):
            yield lambda target, commit=commit: self._from_git(commit, path, target)  # type: ignore[misc]
        yield lambda target: self._from_artifact(path, record, target)
        yield lambda target: self._from_remote(path, digest, target)

    def _commits(self, path: str, record: Record) -> Iterator[str]:
        """Yield the commits that may have the content: that of the run, then those that changed the path."""
        git = record.provenance.git if record.provenance else None
        if git is not None and git.commit:
            yield git.commit
        try:
            listed = self._git("rev-list", "--all", f"--max-count={_MOST_COMMITS}", "--", path).decode().split()
        except (OSError, subprocess.SubprocessError):
            return
        yield from listed

    def _git(self, *words: str) -> bytes:
        """Return what git prints. Raises OSError and SubprocessError."""
        self._workspace.cancel.check()
        return subprocess.run(
            ["git", "-C", str(self._workspace.root), *words],
            check=True,
            capture_output=True,
            timeout=_GIT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        ).stdout

    def _from_git(self, commit: str, path: str, target: Path) -> None:
        prefix = self._git("rev-parse", "--show-prefix").decode().strip()
        data = self._git("archive", "--format=tar", f"{commit}:{prefix}" if prefix else commit, "--", path)
        root = target
        for _ in Path(path).parts:
            root = root.parent
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(root, filter="data")

    def _from_artifact(self, path: str, record: Record, target: Path) -> None:
        """Put the version of an imported artifact that the run used. Raises ProjError if there is none."""
        from weaselish.engine.artifacts.imports import fetch_version_to

        artifact = imported(self._workspace).get(path)
        versions = record.extra.get(ARTIFACTS)
        version = versions.get(path) if isinstance(versions, dict) else None
        if artifact is None or not isinstance(version, str):
            raise ProjError("it is not an imported artifact")
        fetch_version_to(self._workspace, artifact, version, target, open_store=self._open_store, report=self._report)

    def published(self, output: str) -> list[Record]:
        """Return the records on the remote of all runs that produced an output."""
        with closing(open_tree(self._workspace, self._remote, self._open_store)) as tree:
            return [run.record for run in tree.runs_of(output, compat=self._workspace.project.compat)]

    def _from_remote(self, path: str, digest: str, target: Path) -> None:
        """Download the output of any published run that has the content. Raises ProjError if there is none."""
        workspace = self._workspace
        with closing(open_tree(workspace, self._remote, self._open_store)) as tree:
            for run in tree.runs_of(path, compat=workspace.project.compat):
                if outputs_of(run.record).get(path) == digest and path in run.objects:
                    output = next(one for one in run.record.outputs if one.path == path)
                    wanted = OutputObject(
                        path, run.objects[path][0], digest, Limits(size=output.size, files=output.files)
                    )
                    downloader = Downloader(workspace, tree, SerialReporter(self._report), jobs=1)
                    place = target.parent / f".{target.name}.proj-download"
                    place.mkdir()
                    try:
                        downloader.download_all([wanted], [place], None)
                        (place / path).rename(target)
                        return
                    except BadObject:
                        continue
                    finally:
                        remove(place)
        raise ProjError(f"no published run has `{path}` with that content")


def _digest(root: Path, path: str, digest: str, view: View) -> str | None:
    return Digests(root, algorithm_of(digest)).digest(path, view)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)

"""Obtains the content of one asset from its source, in a directory aside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.remote.resolve import OpenStore, with_env
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError, in_short
from weaselish.files.atomic import writing
from weaselish.model.interpolate import put_env
from weaselish.model.paths import is_outside, normalise
from weaselish.model.project import Asset, Git, Remote
from weaselish.sources import git
from weaselish.sources.fetched import partial_file
from weaselish.sources.fsspec import read_url
from weaselish.sources.http import download, drop_partial, raw_url
from weaselish.sources.local import copy_local
from weaselish.sources.masking import mask_url_secrets
from weaselish.workspace import Workspace

_BUCKETS = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True)
class Obtained:
    """Content at `path`, not yet moved to the asset's dest. `origin` is its source without secrets."""

    path: Path
    origin: str
    etag: str | None = None
    commit: str | None = None


class TransferProgress:
    """Reports the progress of one asset. The announced size grows if a transfer starts over."""

    def __init__(self, dest: str, report: SerialReporter, cancel: Cancel) -> None:
        self._dest, self._report, self._cancel = dest, report, cancel
        self._announced = self._passed = 0
        report(events.TransferStarted("fetch", 1, 0))  # before the server answers

    def expect(self, size: int) -> None:
        more = self._passed + size - self._announced
        if more > 0:
            self._announced += more
            self._report(events.TransferStarted("fetch", 0, more))

    def passed(self, size: int) -> None:
        self._cancel.check()
        self._passed += size
        self._report(events.Transferred(self._dest, size))


class Obtainer:
    """Obtains assets of one workspace. Thread-safe."""

    def __init__(self, workspace: Workspace, open_store: OpenStore, report: SerialReporter, *, sparse: bool) -> None:
        self._workspace = workspace
        self._open_store = open_store
        self._report = report
        self._sparse = sparse

    def obtain(self, asset: Asset, place: Path, progress: TransferProgress) -> Obtained:
        """Put the content of an asset into `place`, an empty directory."""
        if asset.git:
            return self._check_out(asset, asset.git, place)
        url, shown = put_env(asset.url or "", self._workspace.env), mask_url_secrets(asset.url or "")
        to = place / (os.path.basename(asset.dest) or "asset")
        match _scheme(url):
            case "http" | "https":
                return self._download(asset, url, shown, to, progress)
            case "file":
                self._copy(asset, url, to)
            case scheme if scheme in _BUCKETS:
                remote, key = self._object(url, shown)
                _write(self._open_store(remote).get(key), to, progress)
            case _:
                _write(read_url(url, shown=shown), to, progress)
        return Obtained(to, shown)

    def _copy(self, asset: Asset, url: str, to: Path) -> None:
        workspace = self._workspace
        left_out = copy_local(url, workspace.root, to, target=workspace.root / asset.dest, cancel=workspace.cancel)
        if left_out:
            paths = in_short([f"`{path}`" for path in left_out], separator=", ")
            self._report(events.Note(f"{asset.dest}: not copied, because other tools execute what is in it: {paths}"))

    def _check_out(self, asset: Asset, source: Git, place: Path) -> Obtained:
        named = git_source(self._workspace, source)
        done = git.check_out(named, place, sparse=self._sparse, cancel=self._workspace.cancel)
        if done.lfs_pointers:
            files = in_short([f"`{path}`" for path in done.lfs_pointers], separator=", ")
            hint = "fetch the file itself by its `url:`; proj fetches what the repository holds"
            self._report(events.Note(f"{asset.dest}: Git LFS pointers instead of content: {files}", hint))
        return Obtained(done.path, named.shown, commit=done.commit)

    def _download(self, asset: Asset, url: str, shown: str, to: Path, progress: TransferProgress) -> Obtained:
        raw = raw_url(url)
        if raw != url:
            self._report(events.Note(f"`{shown}` is a page on GitHub: fetching the raw file instead"))
            shown = raw_url(shown)
        partial = partial_file(self._workspace.root, asset.dest)
        etag = download(raw, partial, shown=shown, progress=progress, cancel=self._workspace.cancel)
        with writing(f"`{to}`"):
            shutil.move(partial, to)  # it may be on another file system
        drop_partial(partial)
        return Obtained(to, shown, etag=etag)

    def _object(self, url: str, shown: str) -> tuple[Remote, str]:
        """Return the location of an object and its key, with the options of a remote in the same bucket, if any."""
        location, _, key = url.rpartition("/")
        if not key or location.endswith(":/"):
            raise ProjError(f"`{shown}` does not name an object", hint="write `s3://bucket/path/of/the/object`")
        bucket = location.split("/")[:3]
        for remote in self._workspace.project.remotes.values():
            resolved = with_env(self._workspace, remote)
            if resolved.url.split("/")[:3] == bucket:
                return resolved._replace(url=location), key
        return Remote("/".join(bucket), location), key


def git_source(workspace: Workspace, asset: Git) -> git.Source:
    """Return what git is asked for, with the values of the environment."""
    env = workspace.env
    return git.Source(
        put_env(asset.repo, env),
        _path_in_repository(put_env(asset.path, env)),
        put_env(asset.branch, env) if asset.branch else None,
        shown=mask_url_secrets(asset.repo),
        cwd=workspace.root,
    )


def _path_in_repository(path: str) -> str:
    normal = normalise(path)
    if is_outside(normal):
        raise ProjError(f"`{path}` leads out of the repository", hint="name a path inside it")
    return "" if normal == "." else normal


def _scheme(url: str) -> str:
    """Return the URL's scheme in lower case; `file` for a path."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else "file"


def _write(chunks: Iterable[bytes], to: Path, progress: TransferProgress) -> None:
    with writing(f"`{to}`"), open(to, "xb", buffering=0) as file:
        for chunk in chunks:
            progress.passed(len(chunk))
            file.write(chunk)

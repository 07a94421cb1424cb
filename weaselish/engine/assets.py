"""assets: each one fetched aside, verified and swapped in; what is there already is left alone."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.events import SerialReporter
from weaselish.engine.remote.workers import Workers
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.files.atomic import writing
from weaselish.files.swap import recover, swap_in, workplace
from weaselish.locks.step_locks import hold_locks
from weaselish.model.interpolate import put_env
from weaselish.model.paths import is_outside, normalise, overlap
from weaselish.model.project import Asset, Git, Remote
from weaselish.plan.digests import is_tree
from weaselish.sources import git
from weaselish.sources.fetch import (
    Fetched,
    WrongChecksum,
    check_checksum,
    copy_local,
    has_checksum,
    keep_fetched,
    last_fetched,
    partial_file,
    raw_url,
    read_anything,
    scheme_of,
    source_of,
    write_chunks,
)
from weaselish.sources.http import download, drop_partial
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

OpenStore = Callable[[Remote], Store]
_BUCKETS = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True)
class AssetOptions:
    names: tuple[str, ...] = ()  # dests of those to look at, extra ones too; if empty, all that are not extra
    extra: bool = False
    sparse: bool = False
    force: bool = False  # fetch also what is there
    jobs: int = 4


class AssetState(StrEnum):
    FETCHED = "fetched"
    HERE = "here"
    LEFT = "left"  # something else is there, which exists only here
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AssetResult:
    dest: str
    state: AssetState
    message: str | None = None
    hint: str | None = None
    size: int | None = None


class _Stopped(Exception):
    """Somebody wants us to end."""


def fetch_assets(
    workspace: Workspace, options: AssetOptions, *, open_store: OpenStore, report: events.Reporter
) -> tuple[AssetResult, ...]:
    """Bring the assets of project.yml, all of them tried whatever becomes of the others. Raises UnknownName."""
    return _Assets(workspace, options, open_store, SerialReporter(report)).run()


def project_assets_of(workspace: Workspace) -> dict[str, Asset]:
    """The assets by dest, values of the environment put into the paths; of two with one dest the first counts."""
    assets: dict[str, Asset] = {}
    for asset in workspace.project.assets:
        dest = normalise(put_env(asset.dest, workspace.env))
        if dest in (".", "") or is_outside(dest):
            raise UsageError(f"asset `{asset.dest}` is `{dest}` here, which is no path inside the project")
        assets.setdefault(dest, asset._replace(dest=dest))
    return assets


class _Assets:
    def __init__(
        self, workspace: Workspace, options: AssetOptions, open_store: OpenStore, report: SerialReporter
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._open_store = open_store
        self._report = report
        self._stopped = threading.Event()

    def run(self) -> tuple[AssetResult, ...]:
        assets = self._selected()
        results = {asset.dest: self._tried(self._look, asset) for asset in assets}
        wanted = [asset for asset in assets if results[asset.dest] is None]
        if wanted:
            self._workspace.prepare_to_change()
            self._workspace.digests.forget()
            for done in self._fetch_all(_in_turn(wanted)):
                results |= {result.dest: result for result in done}
        self._workspace.save()
        return tuple(result for asset in assets if (result := results[asset.dest]) is not None)

    def _selected(self) -> list[Asset]:
        assets = project_assets_of(self._workspace)
        names = [normalise(name) for name in self._options.names]
        for name in names:
            if name not in assets:
                raise UnknownName("asset", name, assets)
        if names:
            return [assets[name] for name in dict.fromkeys(names)]
        return [asset for asset in assets.values() if self._options.extra or not asset.extra]

    def _fetch_all(self, groups: Sequence[Sequence[Asset]]) -> list[list[AssetResult]]:
        with Workers(self._options.jobs, self._stopped) as workers:
            futures = [workers.submit(self._fetch_group, group) for group in groups]
            return [future.result() for future in futures]

    def _fetch_group(self, group: Sequence[Asset]) -> list[AssetResult]:
        return [result for asset in group if (result := self._tried(self._fetch, asset)) is not None]

    def _tried(self, act: Callable[[Asset], AssetResult | None], asset: Asset) -> AssetResult | None:
        try:
            return act(asset)
        except ProjError as error:
            return AssetResult(asset.dest, AssetState.FAILED, error.message, error.hint)

    # -- what is there ----------------------------------------------------------------------------------------------

    def _look(self, asset: Asset) -> AssetResult | None:
        """What there is to say of the asset as it lies there; None if it must be fetched."""
        digests = self._workspace.digests
        found = digests.of(asset.dest, "dep")
        if not (asset.url or asset.git):
            return self._look_at_private(asset, is_here=found is not None)
        if found is None or self._options.force:
            return None
        here = AssetResult(asset.dest, AssetState.HERE, size=found.size)
        last = self._last(asset)
        is_as_fetched = last is not None and last.digest == found.digest
        if asset.checksum:
            vouched = is_as_fetched and last is not None and last.checksum == asset.checksum
            return here if vouched or self._has_checksum(asset, found.digest) else None
        if is_as_fetched:
            return here if last is not None and last.source == source_of(asset) else None
        if last is None and not found.size and not is_tree(found.digest):
            return None  # an empty file: what Weasel leaves when it is interrupted
        why = "it was changed since it was fetched" if last else "it was not fetched by proj, and has no checksum"
        return replace(here, state=AssetState.LEFT, message=f"left as it is: {why}", hint="`--force` fetches it")

    def _look_at_private(self, asset: Asset, *, is_here: bool) -> AssetResult:
        if not is_here:
            hint = f"put it there yourself{f': {asset.description}' if asset.description else ''}"
            return AssetResult(asset.dest, AssetState.FAILED, "missing, and project.yml does not say where it is", hint)
        if asset.checksum:
            check_checksum(self._workspace.root / asset.dest, asset.checksum)
        return AssetResult(asset.dest, AssetState.HERE)

    def _last(self, asset: Asset) -> Fetched | None:
        last = last_fetched(self._workspace.root, asset.dest)
        return last if last and last.algorithm == self._workspace.project.digest else None

    def _has_checksum(self, asset: Asset, digest: str) -> bool:
        if asset.checksum == digest and self._workspace.project.digest == "md5":
            return True
        return has_checksum(self._workspace.root / asset.dest, asset.checksum or "")

    # -- fetching ---------------------------------------------------------------------------------------------------

    def _fetch(self, asset: Asset) -> AssetResult:
        workspace, target = self._workspace, self._workspace.root / asset.dest
        progress = _Progress(asset.dest, self._report, self._stopped)
        with hold_locks(
            workspace.state / "locks",
            f"asset {asset.dest}",
            writes=(asset.dest,),
            reads=(),
            on_wait=lambda holder: self._report(events.StepWaiting(asset.dest, holder)),
            pause=progress.pause,
        ):
            progress.alive()
            workspace.check_inside(asset.dest, "asset")
            recover(target)
            workspace.digests.forget()
            found = self._look(asset)  # another process may have brought it
            if found is not None:
                return found
            with workplace(target) as place:
                made = self._make(asset, place, progress)
                self._verify(asset, made)
                workspace.check_inside(asset.dest, "asset")
                swap_in(made.path, target)
            return self._fetched(asset, made)

    def _make(self, asset: Asset, place: Path, progress: _Progress) -> _Made:
        if asset.git:
            return self._check_out(asset.git, place, progress)
        url, shown = put_env(asset.url or "", self._workspace.env), git.without_secrets(asset.url or "")
        to = place / (os.path.basename(asset.dest) or "asset")
        match scheme_of(url):
            case "http" | "https":
                return self._download(asset, url, shown, to, progress)
            case "file":
                copy_local(url, self._workspace.root, to, target=self._workspace.root / asset.dest)
            case scheme if scheme in _BUCKETS:
                remote, key = self._object(url, shown)
                write_chunks(self._open_store(remote).get(key), to, progress)
            case _:
                write_chunks(read_anything(url, shown=shown), to, progress)
        return _Made(to, shown)

    def _check_out(self, asset: Git, place: Path, progress: _Progress) -> _Made:
        env = self._workspace.env
        source = git.Source(
            put_env(asset.repo, env),
            _path_in_repository(put_env(asset.path, env)),
            put_env(asset.branch, env) if asset.branch else None,
            shown=git.without_secrets(asset.repo),
            cwd=self._workspace.root,
        )
        done = git.check_out(source, place, sparse=self._options.sparse, alive=progress.alive)
        return _Made(done.path, source.shown, commit=done.commit)

    def _download(self, asset: Asset, url: str, shown: str, to: Path, progress: _Progress) -> _Made:
        raw = raw_url(url)
        if raw != url:
            self._report(events.Note(f"`{shown}` is a page on GitHub: the raw file is fetched instead"))
            shown = raw_url(shown)
        partial = partial_file(self._workspace.root, asset.dest)
        etag = download(raw, partial, shown=shown, progress=progress)
        with writing(f"`{to}`"):
            shutil.move(partial, to)  # it may lie on another file system
        drop_partial(partial)
        return _Made(to, shown, etag=etag)

    def _object(self, url: str, shown: str) -> tuple[Remote, str]:
        """The place that an object lies in, reached like the remote of project.yml in the same bucket, and its key."""
        place, _, key = url.rpartition("/")
        if not key or place.endswith(":/"):
            raise ProjError(f"`{shown}` names no object", hint="write `s3://bucket/path/of/the/object`")
        bucket = place.split("/")[:3]
        for remote in self._workspace.project.remotes.values():
            if put_env(remote.url, self._workspace.env).split("/")[:3] == bucket:
                options = (remote.endpoint_url, remote.profile, remote.region)
                endpoint, profile, region = (text and put_env(text, self._workspace.env) for text in options)
                return Remote(remote.name, place, endpoint, profile, region), key
        return Remote("/".join(bucket), place), key

    def _verify(self, asset: Asset, made: _Made) -> None:
        if not asset.checksum:
            return
        try:
            check_checksum(made.path, asset.checksum)
        except WrongChecksum as error:
            hint = error.hint or "correct `checksum:`, or ask whoever keeps it"
            raise WrongChecksum(f"what came from `{made.origin}` is not it: {error.message}", hint=hint) from None

    def _fetched(self, asset: Asset, made: _Made) -> AssetResult:
        workspace = self._workspace
        workspace.digests.forget()
        found = workspace.digests.of(asset.dest, "dep")
        if found is None:
            raise ProjError("it was removed just when it was fetched")
        keep_fetched(
            workspace.root,
            Fetched(
                dest=asset.dest,
                source=source_of(asset),
                origin=made.origin,
                digest=found.digest,
                algorithm=workspace.project.digest,
                size=found.size,
                checksum=asset.checksum,
                etag=made.etag,
                commit=made.commit,
            ),
        )
        return AssetResult(asset.dest, AssetState.FETCHED, size=found.size)


@dataclass(frozen=True, slots=True)
class _Made:
    """Something fetched, not yet in its place."""

    path: Path
    origin: str
    etag: str | None = None
    commit: str | None = None


class _Progress:
    """Tells what passes of one asset; what is announced in all grows where a transfer begins anew."""

    def __init__(self, dest: str, report: SerialReporter, stopped: threading.Event) -> None:
        self._dest, self._report, self._stopped = dest, report, stopped
        self._announced = self._passed = 0

    def expect(self, size: int) -> None:
        more = self._passed + size - self._announced
        if more > 0:
            self._announced += more
            self._report(events.TransferStarted("fetch", 1, more))

    def passed(self, size: int) -> None:
        self.alive()
        self._passed += size
        if size:
            self._report(events.Transferred(self._dest, size))

    def pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)
        self.alive()

    def alive(self) -> None:
        if self._stopped.is_set():
            raise _Stopped


def _in_turn(assets: Sequence[Asset]) -> list[list[Asset]]:
    """Groups that may be fetched at the same time; in a group dests overlap, and the order is the file's."""
    groups: list[list[Asset]] = []
    for asset in assets:
        near = [group for group in groups if any(overlap(asset.dest, other.dest) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(other for group in near for other in group), asset])
    return groups


def _path_in_repository(path: str) -> str:
    normal = normalise(path)
    if is_outside(normal):
        raise ProjError(f"`{path}` leads out of the repository", hint="name a path inside it")
    return "" if normal == "." else normal

"""Fetches assets: each is downloaded aside, verified and swapped in. What is already local is left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.assets.check import AssetOptions, AssetResult, AssetsOnDisk, AssetState, project_assets
from weaselish.engine.assets.obtain import Obtained, Obtainer, TransferProgress
from weaselish.engine.assets.pins import cannot_clone, check_pinned, new_pin, pin_of, pinned_source
from weaselish.engine.output_locks import hold_write_locks
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import GRACE, Workers, run_aside
from weaselish.engine.write_paths import check_asset_path
from weaselish.errors import InvalidProject, ProjError, UnknownName
from weaselish.files.staging import staging_directory
from weaselish.files.swap import recover, swap_in
from weaselish.model.paths import normalise, overlap
from weaselish.model.project import Asset
from weaselish.sources.checksums import WrongChecksum, check_checksum
from weaselish.sources.fetched import Fetched, last_fetched, save_fetched, source_digest
from weaselish.sources.git import GitError
from weaselish.workspace import Workspace

_GRACE = 0.6  # seconds to unwind after Ctrl-C
_GIT_GRACE = 0.45  # of these, for git to end


def fetch_assets(
    workspace: Workspace, options: AssetOptions, *, open_store: OpenStore, report: events.Reporter
) -> tuple[AssetResult, ...]:
    """Fetch the selected assets of project.yml. A failure does not keep the others from being fetched.

    Raises UnknownName.
    """
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    fetching = _Fetching(workspace, options, open_store, serial)
    return run_aside(fetching.run, workspace.cancel, grace=1.5 * _GRACE)


class _Fetching:
    def __init__(
        self, workspace: Workspace, options: AssetOptions, open_store: OpenStore, report: SerialReporter
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._report = report
        self._on_disk = AssetsOnDisk(workspace, options)
        self._obtainer = Obtainer(workspace, open_store, report, sparse=options.sparse)

    def run(self) -> tuple[AssetResult, ...]:
        assets = self._selected()
        results = {asset.dest: self._attempt(self._check, asset) for asset in assets}
        to_fetch = [asset for asset in assets if results[asset.dest] is None]
        if to_fetch:
            self._workspace.prepare_to_change()
            self._workspace.digests.forget()
            results |= self._fetch_all(_groups(to_fetch))
        self._workspace.save()
        self._pin([asset for asset in assets if asset.name and _is_in_place(results[asset.dest])])
        return tuple(replace(result, name=asset.name) for asset in assets if (result := results[asset.dest]))

    def _selected(self) -> list[Asset]:
        assets = project_assets(self._workspace)
        dests = {asset.name: asset.dest for asset in assets.values() if asset.name}
        names = [name if name in assets else dests.get(name, name) for name in map(normalise, self._options.names)]
        for name in names:
            if problems := self._workspace.project.faults_in("assets", name):
                raise InvalidProject(problems)
            if name not in assets:
                raise UnknownName("asset", name, [*assets, *dests])
        if names:
            return [assets[name] for name in dict.fromkeys(names)]
        return [asset for asset in assets.values() if self._options.extra or not asset.extra]

    def _check(self, asset: Asset) -> AssetResult | None:
        self._report(events.Preparing(f"checking `{asset.dest}`"))
        return self._on_disk.check(asset)

    def _fetch_all(self, groups: Sequence[Sequence[Asset]]) -> dict[str, AssetResult | None]:
        with Workers[list[AssetResult]](self._options.jobs, self._workspace.cancel, grace=_GRACE) as workers:
            for group in groups:
                workers.start(partial(self._fetch_group, group))
            return {result.dest: result for _ in groups for result in workers.wait()}

    def _fetch_group(self, group: Sequence[Asset]) -> list[AssetResult]:
        return [result for asset in group if (result := self._attempt(self._fetch, asset)) is not None]

    def _attempt(self, act: Callable[[Asset], AssetResult | None], asset: Asset) -> AssetResult | None:
        self._workspace.cancel.check()
        try:
            return act(asset)
        except ProjError as error:
            exit_code = error.exit_code if asset.name else 1
            return AssetResult(asset.dest, AssetState.FAILED, error.message, error.hint, exit_code=exit_code)

    def _fetch(self, asset: Asset) -> AssetResult:
        """Fetch one asset while its dest is locked."""
        workspace, target = self._workspace, self._workspace.root / asset.dest
        name = f"asset {asset.dest}"
        with hold_write_locks(workspace, name, (asset.dest,), self._report, shown=asset.dest):
            check_asset_path(workspace, asset.dest)
            recover(target)
            workspace.digests.forget()
            result = self._on_disk.check(asset, ask=True)  # another process may have fetched it
            if result is not None:
                return result
            progress = TransferProgress(asset.dest, self._report, workspace.cancel)
            pin = None if self._options.update else pin_of(workspace, asset)
            with staging_directory(target, workspace.staging_notes) as place:
                try:
                    obtained = self._obtain(pinned_source(asset, pin), place, progress)
                except GitError as error:
                    raise cannot_clone(asset, pin, error) from None
                _verify(asset, obtained)
                check_pinned(workspace, asset, pin, obtained.path)
                check_asset_path(workspace, asset.dest)
                workspace.cancel.check()
                swap_in(obtained.path, target)
            return self._note(asset, obtained)

    def _pin(self, assets: Sequence[Asset]) -> None:
        """Write the commits and digests of sources that are in place into project.lock, where they differ."""
        workspace = self._workspace
        pins = {}
        for asset in (one for one in assets if not one.is_private):
            last = last_fetched(workspace.root, asset.dest)
            new = new_pin(asset, last, workspace.digests.digest(asset.dest, "dep"))
            old = pin_of(workspace, asset)
            if new is not None and new != old and (old is None or self._options.update):
                pins[asset.name or ""] = new
        if pins:
            workspace.prepare_to_change()
            workspace.records.pin(sources=pins)

    def _obtain(self, asset: Asset, place: Path, progress: TransferProgress) -> Obtained:
        """Obtain the content in a thread that is left behind on Ctrl-C, so that `place` is removed in any case."""
        grace = _GIT_GRACE if asset.git else GRACE
        return run_aside(lambda: self._obtainer.obtain(asset, place, progress), self._workspace.cancel, grace=grace)

    def _note(self, asset: Asset, obtained: Obtained) -> AssetResult:
        """Store the note of what was fetched."""
        workspace = self._workspace
        workspace.digests.forget()
        digested = workspace.digests.of(asset.dest, "dep")
        if digested is None:
            raise ProjError("another process removed it right after it was fetched")
        save_fetched(
            workspace.root,
            Fetched(
                dest=asset.dest,
                source=source_digest(asset),
                origin=obtained.origin,
                digest=digested.digest,
                algorithm=workspace.project.digest,
                size=digested.size,
                checksum=asset.checksum,
                etag=obtained.etag,
                commit=obtained.commit,
            ),
        )
        return AssetResult(asset.dest, AssetState.FETCHED, size=digested.size)


def _is_in_place(result: AssetResult | None) -> bool:
    return result is not None and result.state in (AssetState.FETCHED, AssetState.HERE)


def _verify(asset: Asset, obtained: Obtained) -> None:
    if not asset.checksum:
        return
    try:
        check_checksum(obtained.path, asset.checksum)
    except WrongChecksum as error:
        hint = error.hint or "correct `checksum:`, or ask the publisher"
        raise WrongChecksum(f"the content of `{obtained.origin}` has a {error.message}", hint=hint) from None


def _groups(assets: Sequence[Asset]) -> list[list[Asset]]:
    """Group assets whose dests overlap, in the order of the file. Groups can be fetched in parallel."""
    groups: list[list[Asset]] = []
    for asset in assets:
        near = [group for group in groups if any(overlap(asset.dest, other.dest) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(other for group in near for other in group), asset])
    return groups

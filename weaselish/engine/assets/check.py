"""Compares assets with what is on the disk: which are as fetched, which must be fetched, which are left alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from weaselish.engine.assets.mounts import check_mounted, link_to_mount
from weaselish.engine.assets.obtain import git_source
from weaselish.engine.assets.pins import is_pinned_content, pin_of
from weaselish.model.interpolate import put_env
from weaselish.model.project import Asset
from weaselish.plan.digests import is_tree
from weaselish.sources.checksums import check_checksum, has_checksum
from weaselish.sources.fetched import Fetched, last_fetched, source_digest
from weaselish.sources.git import latest_commit
from weaselish.workspace import Workspace

_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AssetOptions:
    names: tuple[str, ...] = ()  # dests or names of the selected assets, extra ones too; if empty, all but extra ones
    extra: bool = False
    sparse: bool = False
    force: bool = False  # also fetch what is already local
    jobs: int = 4
    may_link: bool = True  # make links to what is mounted
    update: bool = False  # also fetch git assets whose branch has a newer commit, and move the pins of sources


class AssetState(StrEnum):
    FETCHED = "fetched"
    HERE = "here"
    LINKED = "linked"  # to where it is mounted
    LEFT = "left"  # the local content differs from what was fetched
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AssetResult:
    dest: str
    state: AssetState
    message: str | None = None
    hint: str | None = None
    size: int | None = None
    exit_code: int = 1  # of a failure
    name: str | None = None  # of a source


def project_assets(workspace: Workspace) -> dict[str, Asset]:
    """Return the usable assets by dest. Of two whose values of the environment give one dest the first counts."""
    project = workspace.project
    faulty = {problem.confined_to for problem in project.faults}
    assets: dict[str, Asset] = {}
    for asset in project.assets:
        if ("assets", asset.dest) not in faulty:
            assets.setdefault(asset.dest, asset)
    return assets


class AssetsOnDisk:
    """Compares the assets of one workspace with the disk. Thread-safe."""

    def __init__(self, workspace: Workspace, options: AssetOptions) -> None:
        self._workspace = workspace
        self._options = options

    def check(self, asset: Asset, *, ask: bool = False) -> AssetResult | None:
        """Return the state of the asset, or None if it must be fetched.

        If the options say `update`, a git branch may have newer commits: `ask` the server, or else assume so.
        """
        if asset.mount:
            return self._check_mounted(asset)
        digested = self._workspace.digests.of(asset.dest, "dep")
        if not (asset.url or asset.git):
            return self._check_private(asset, is_local=digested is not None)
        if digested is None or self._options.force:
            return None
        local = AssetResult(asset.dest, AssetState.HERE, size=digested.size)
        last = self._last(asset)
        is_as_fetched = last is not None and last.digest == digested.digest
        if asset.checksum:
            is_verified = is_as_fetched and last is not None and last.checksum == asset.checksum
            return local if is_verified or self._has_checksum(asset, digested.digest) else None
        if last is not None and is_as_fetched:
            is_current = last.source == source_digest(asset) and not self._is_outdated(asset, last, ask=ask)
            return self._with_commit(asset, local, last) if is_current else None
        if last is None and not digested.size and not is_tree(digested.digest):
            return None  # an empty file, which Weasel leaves when it is interrupted
        why = "it was changed since it was fetched" if last else "it was not fetched by proj, and has no checksum"
        return replace(local, state=AssetState.LEFT, message=f"left unchanged: {why}", hint="`--force` fetches it")

    def _check_private(self, asset: Asset, *, is_local: bool) -> AssetResult:
        if not is_local:
            hint = f"put it there yourself{f': {asset.description}' if asset.description else ''}"
            return AssetResult(asset.dest, AssetState.FAILED, "missing, and project.yml names no source for it", hint)
        if asset.checksum:
            check_checksum(self._workspace.root / asset.dest, asset.checksum)
        return AssetResult(asset.dest, AssetState.HERE)

    def _check_mounted(self, asset: Asset) -> AssetResult:
        check_mounted(self._workspace, asset)
        if self._options.may_link and link_to_mount(self._workspace, asset):
            return AssetResult(asset.dest, AssetState.LINKED, f"a link to `{asset.place}`")
        return AssetResult(asset.dest, AssetState.HERE)

    def _is_outdated(self, asset: Asset, last: Fetched, *, ask: bool) -> bool:
        """Return whether an asset may have newer content, or differs from its pin.

        With `ask`, the answer for a git asset is certain.
        """
        pin = None if self._options.update else pin_of(self._workspace, asset)
        if pin is not None:
            return not is_pinned_content(self._workspace, asset, pin, last)
        if asset.git is None or not self._options.update or self._is_fixed(asset):
            return self._options.update and asset.git is None and asset.name is not None
        if not ask:
            return True
        commit = latest_commit(git_source(self._workspace, asset.git), cancel=self._workspace.cancel)
        return commit is not None and commit != last.commit

    def _with_commit(self, asset: Asset, local: AssetResult, last: Fetched) -> AssetResult:
        if asset.git is None or self._options.update or self._is_fixed(asset):
            return local
        if pin_of(self._workspace, asset) is not None and last.commit:
            return replace(local, message=f"pinned at {last.commit[:10]}")
        return replace(local, message="branch or tag not checked; `--update` checks it")

    def _is_fixed(self, asset: Asset) -> bool:
        """Return whether a git asset names a commit, whose content never changes."""
        branch = asset.git.branch if asset.git else None
        return branch is not None and _FULL_COMMIT.fullmatch(put_env(branch, self._workspace.env)) is not None

    def _last(self, asset: Asset) -> Fetched | None:
        last = last_fetched(self._workspace.root, asset.dest)
        return last if last and last.algorithm == self._workspace.project.digest else None

    def _has_checksum(self, asset: Asset, digest: str) -> bool:
        if asset.checksum == digest and self._workspace.project.digest == "md5":
            return True
        return has_checksum(self._workspace.root / asset.dest, asset.checksum or "")

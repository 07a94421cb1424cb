"""The state of all assets without fetching any: where each is, what is pinned of it, whether it is in place."""

from __future__ import annotations

import os
from dataclasses import dataclass

from weaselish.engine.assets.check import AssetOptions, AssetsOnDisk, AssetState, project_assets
from weaselish.engine.assets.pins import pin_of, source_text
from weaselish.errors import ProjError
from weaselish.model.project import Asset
from weaselish.model.sources import variable_of
from weaselish.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """One asset. `pin` is the commit or digest in project.lock, `variable` the environment variable that steps get."""

    dest: str
    name: str | None
    variable: str | None
    path: str  # where it is on this machine, absolute
    source: str
    pin: str | None
    state: str
    hint: str | None = None


def asset_states(workspace: Workspace) -> tuple[AssetStatus, ...]:
    """Return the state of each asset, in the order of project.yml."""
    on_disk = AssetsOnDisk(workspace, AssetOptions(may_link=False))
    return tuple(_status(workspace, on_disk, asset) for asset in project_assets(workspace).values())


def _status(workspace: Workspace, on_disk: AssetsOnDisk, asset: Asset) -> AssetStatus:
    pin = pin_of(workspace, asset)
    state, hint = _state(workspace, on_disk, asset)
    return AssetStatus(
        dest=asset.dest,
        name=asset.name,
        variable=variable_of(asset.name) if asset.name else None,
        path=os.path.normpath(os.path.join(workspace.root, asset.place)),
        source=_source(asset),
        pin=(pin.commit or pin.digest) if pin else None,
        state=state,
        hint=hint,
    )


def _state(workspace: Workspace, on_disk: AssetsOnDisk, asset: Asset) -> tuple[str, str | None]:
    try:
        result = on_disk.check(asset)
        if result is None:
            is_local = workspace.exists(asset.dest)
            return ("out of date" if is_local else "missing"), f"`proj assets {asset.name or asset.dest}` fetches it"
    except ProjError as error:
        return ("not mounted" if asset.mount else "wrong"), error.hint
    match result.state:
        case AssetState.FAILED:
            return "missing", result.hint
        case AssetState.LEFT:
            return "changed", result.hint
        case _:
            return "present", None


def _source(asset: Asset) -> str:
    """Return where the content comes from, in a few words without secrets."""
    mount = asset.mount
    if mount is not None and mount.nfs is not None:
        return f"nfs {mount.nfs.server}:{mount.nfs.directory}"
    if mount is not None and mount.volume is not None:
        return f"volume {mount.volume.claim} ({mount.volume.scope})"
    return "local" if asset.is_private else source_text(asset)

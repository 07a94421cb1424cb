"""Mounted sources: whether they are in place, and how an administrator mounts them."""

from __future__ import annotations

import os
import shlex

from weaselish.engine.write_paths import check_asset_path
from weaselish.errors import ProjError
from weaselish.files.atomic import writing
from weaselish.model.executors import KubernetesSettings
from weaselish.model.paths import is_outside
from weaselish.model.project import Asset
from weaselish.workspace import Workspace


class NotMounted(ProjError):
    """A source that an administrator has to mount is not where it should be.

    Cure: run the command in the hint, or ask an administrator to.
    """


def check_mounted(workspace: Workspace, asset: Asset) -> None:
    """Raise NotMounted unless the place of a mounted source exists, and is writable where it may be written."""
    place = os.path.join(workspace.root, asset.place)
    if not os.path.exists(place):
        raise NotMounted(f"`{asset.place}` does not exist", hint=mount_hint(workspace, asset))


def link_to_mount(workspace: Workspace, asset: Asset) -> bool:
    """Make a link from the asset's dest to where it is mounted, if nothing is there. Return whether it was made."""
    place, dest = os.path.join(workspace.root, asset.place), os.path.join(workspace.root, asset.dest)
    if asset.place == asset.dest or is_outside(asset.dest):
        return False
    if os.path.islink(dest) and not os.path.exists(dest):
        os.unlink(dest)  # it leads to an earlier place
    if os.path.lexists(dest):
        if not os.path.samefile(dest, place):
            message = f"`{asset.dest}` is not the directory that is mounted at `{asset.place}`"
            raise ProjError(message, hint="move it away; `proj assets` then makes a link there")
        return False
    check_asset_path(workspace, asset.dest)
    with writing(f"`{asset.dest}`"):
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        os.symlink(place, dest)
    return True


def mount_hint(workspace: Workspace, asset: Asset) -> str:
    """Return how to bring a mounted source to its place."""
    command = mount_command(workspace, asset)
    if command is None:
        return f"put it there yourself{f': {asset.description}' if asset.description else ''}"
    volume = asset.mount.volume if asset.mount else None
    disk = f", where DISK is the disk of the claim `{volume.claim}`" if volume else ""
    return f"an administrator mounts it: `{command}`{disk}"


def mount_command(workspace: Workspace, asset: Asset) -> str | None:
    """Return the command that mounts a source on this machine, None if it is not on NFS or a volume."""
    mount = asset.mount
    if mount is None or not (mount.nfs or mount.volume):
        return None
    place = shlex.quote(os.path.join(workspace.root, asset.place))
    if mount.nfs:
        options = "-t nfs -o ro" if mount.read_only else "-t nfs"
        what = f"{mount.nfs.server}:{mount.nfs.directory}"
    else:
        assert mount.volume is not None and asset.name is not None
        options = "--bind -o ro" if mount.read_only else "--bind"
        on_disk = mount.volume.directory(source=asset.name, project=workspace.name, namespace=_namespace(workspace))
        what = f"DISK/{on_disk}"
    return f"mount {options} {shlex.quote(what)} {place}"


def _namespace(workspace: Workspace) -> str:
    """Return the namespace of the first Kubernetes executor that names one."""
    executors = workspace.project.executors.by_name.values()
    namespaces = (one.namespace for one in executors if isinstance(one, KubernetesSettings))
    return next(filter(None, namespaces), None) or "default"

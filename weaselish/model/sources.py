"""Sources: the named assets of project.yml, of which each step gets the place as `<NAME>_DIR`."""

from __future__ import annotations

import re
from typing import Literal

from weaselish.named_tuple import NamedTuple

Scope = Literal["project", "org", "shared"]
SCOPES: tuple[Scope, ...] = ("project", "org", "shared")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Nfs(NamedTuple):
    """A directory that an NFS server exports."""

    server: str
    path: str  # absolute, on the server
    subpath: str = ""  # below `path`

    @property
    def directory(self) -> str:
        """The directory to mount, on the server."""
        return f"{self.path.rstrip('/')}/{self.subpath}" if self.subpath else self.path


class Volume(NamedTuple):
    """A directory on the disk behind a persistent volume claim of Kubernetes."""

    claim: str
    subpath: str = ""
    scope: Scope = "project"  # whose it is: this project's, the namespace's, or that of everyone with the disk

    def directory(self, *, source: str, project: str, namespace: str) -> str:
        """Return the directory on the disk, relative to its top, as Kuberlab lays out its disks."""
        if self.scope == "shared":
            return _joined("shared", self.subpath)
        if self.scope == "org":
            return _joined(namespace, self.subpath)
        return _joined(namespace, project, self.subpath or source)


class Mount(NamedTuple):
    """A directory that an administrator mounts at `path`, and Kubernetes at the asset's `dest`."""

    path: str | None = None  # on this machine; None: at the asset's `dest`
    nfs: Nfs | None = None
    volume: Volume | None = None
    read_only: bool = False


def is_source_name(name: str) -> bool:
    """Return whether a name has 1 to 63 of `a` to `z`, `0` to `9` and `-`, and no `-` at its ends."""
    return _NAME.fullmatch(name) is not None


def variable_of(name: str) -> str:
    """Return the variable with a source's place: `TRAIN_DATA_DIR` for `train-data`."""
    return f"{name.replace('-', '_').upper()}_DIR"


def mount_from(row: list[object]) -> Mount:
    """Return a mount from its fields in order, with lists in place of tuples, as JSON keeps them."""
    read = Mount._make(row)
    return read._replace(
        nfs=Nfs._make(read.nfs) if read.nfs else None, volume=Volume._make(read.volume) if read.volume else None
    )


def _joined(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))

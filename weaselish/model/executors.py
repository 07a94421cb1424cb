"""The executors that project.yml defines: where the steps of a project can run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from weaselish.model.roles import Image
from weaselish.named_tuple import NamedTuple

LOCAL = "local"  # the name of the executor that runs steps on this machine; always there
ISOLATED = "isolated"  # of the one that runs them in an empty directory; there unless project.yml defines another
_ISOLATED_REMOTE = "./.proj/isolated"  # through which files travel, if project.yml names no remote


class ContainerSettings(NamedTuple):
    """Docker or Podman on this machine, or where the engine's own variables (DOCKER_HOST …) lead."""

    name: str
    type: str  # docker or podman
    image: Image | None = None  # for commands that name none; never part of a key
    options: tuple[str, ...] = ()  # further options of `docker run`


class SlurmSettings(NamedTuple):
    name: str
    type: str = "slurm"
    partition: str | None = None
    account: str | None = None
    options: tuple[str, ...] = ()  # further options of sbatch
    max_jobs: int = 100  # that this project has in the queue at a time


class DirectorySettings(NamedTuple):
    """Steps run on this machine by `proj exec`, each in an empty directory with its declared deps only."""

    name: str
    type: str = "directory"
    remote: str | None = None  # through which files travel; None: a directory under `.proj`


class DaskSettings(NamedTuple):
    name: str
    type: str = "dask"
    address: str | None = None  # of the scheduler; None: as DASK_SCHEDULER_ADDRESS says
    remote: str | None = None  # through which files travel; None: the remote `default`
    shared: bool = False  # whether the workers see the project's directory
    max_jobs: int = 100


class KubernetesSettings(NamedTuple):
    name: str
    type: str = "kubernetes"
    context: str | None = None  # of the kubeconfig
    namespace: str | None = None
    image: Image | None = None
    image_registry: str | None = None  # put in front of image names without a registry
    remote: str | None = None  # through which files travel; None: the remote `default`
    node_selector: Mapping[str, str] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})
    setup: tuple[str, ...] = ()  # shell lines that a container runs first, such as those that install `proj`
    max_jobs: int = 100


_QUEUED = SlurmSettings | DaskSettings | KubernetesSettings
ExecutorSettings = ContainerSettings | SlurmSettings | DirectorySettings | DaskSettings | KubernetesSettings


class Queue(NamedTuple):
    """The queue of an executor whose steps run elsewhere: they take nothing of this machine, and none of its jobs."""

    executor: str
    max_jobs: int


class Executors(NamedTuple):
    """`by_name` without the local executor. `default` is the one of commands that name none."""

    by_name: Mapping[str, ExecutorSettings] = MappingProxyType({})
    default: str = LOCAL

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((LOCAL, *self.by_name, ISOLATED)))

    def settings(self, name: str) -> ExecutorSettings | None:
        """Return the settings of an executor, None for `local` and for unknown names."""
        return self.by_name.get(name) or (DirectorySettings(name) if name == ISOLATED else None)

    def remote_of(self, name: str) -> str | None:
        """Return the remote through which files travel to an executor, None if it sees the project's directory."""
        match self.settings(name):
            case DirectorySettings() as settings:
                return settings.remote or _ISOLATED_REMOTE
            case DaskSettings(shared=False) | KubernetesSettings() as settings:
                return settings.remote or "default"
        return None

    def queue_of(self, name: str) -> Queue | None:
        """Return the queue of an executor, None if its steps run on this machine."""
        settings = self.by_name.get(name)
        return Queue(name, settings.max_jobs) if isinstance(settings, _QUEUED) else None


def executors_from(row: list[Any]) -> Executors:
    """Return the executors from their fields in order, with lists in place of tuples, as JSON keeps them."""
    by_name, default = row
    return Executors({name: _settings_from(fields) for name, fields in by_name.items()}, default)


_KINDS: Mapping[str, type[ExecutorSettings]] = {
    "docker": ContainerSettings,
    "podman": ContainerSettings,
    "slurm": SlurmSettings,
    "directory": DirectorySettings,
    "dask": DaskSettings,
    "kubernetes": KubernetesSettings,
}


def _settings_from(fields: list[Any]) -> ExecutorSettings:
    kind = _KINDS[fields[1]]
    given = dict(zip(kind._fields, fields, strict=True))
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    images = {"image": Image._make(given["image"])} if given.get("image") else {}
    return kind(**{**given, **lists, **images})

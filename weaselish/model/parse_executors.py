"""Read the executors of project.yml, and the images of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weaselish.errors import UnknownName
from weaselish.model.executors import (
    ISOLATED,
    LOCAL,
    ContainerSettings,
    DaskSettings,
    DirectorySettings,
    Executors,
    ExecutorSettings,
    KubernetesSettings,
    SlurmSettings,
)
from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.roles import Image

Item = Mapping[str, Any]


def read_executors(values: Values) -> Executors:
    """Read the executors by name, and which of them is the default."""
    by_name: dict[str, ExecutorSettings] = {}
    default = LOCAL
    for name, item in values.mapping("executors").items():
        path: Path = ("executors", name)
        if name == "default":
            default = values.interpolated(path, str(item)) or LOCAL
        elif name == LOCAL:
            values.problem(path, f"`{LOCAL}` is the name of the executor on this machine", "choose another", key=True)
        elif isinstance(item, Mapping) and (read := _READERS.get(item.get("type", ""))):
            by_name[name] = read(values, path, name, item)
    executors = Executors(by_name, default)
    if default not in executors.names:
        unknown = UnknownName("executor", default, executors.names)
        values.problem(("executors", "default"), unknown.message, unknown.hint)
    return executors


def read_executor_name(values: Values, path: Path, item: Item) -> str | None:
    """Read the name of a command's executor, which project.yml must define."""
    name = values.text(path, within=item) or None
    defined = (key for key in values.mapping("executors") if key != "default")
    names = tuple(dict.fromkeys((LOCAL, *defined, ISOLATED)))
    if name is not None and name not in names:
        unknown = UnknownName("executor", name, names)
        values.problem(path, unknown.message, unknown.hint)
    return name


def read_image(values: Values, path: Path, given: object) -> Image | None:
    """Read an image: its name, or a mapping with one for `cpu` and one for `gpu`."""
    if isinstance(given, Mapping):
        cpu, gpu = (values.text((*path, key), within=given) or None for key in ("cpu", "gpu"))
        chosen = cpu or gpu
        return Image(chosen, gpu) if chosen else None
    name = values.interpolated(path, given) if isinstance(given, str) else None
    return Image(name) if name else None


def _containers(values: Values, path: Path, name: str, item: Item) -> ContainerSettings:
    image = read_image(values, (*path, "image"), item.get("image"))
    return ContainerSettings(name, item["type"], image, _options(values, path, item))


def _slurm(values: Values, path: Path, name: str, item: Item) -> SlurmSettings:
    partition, account = (values.text((*path, key), within=item) or None for key in ("partition", "account"))
    return SlurmSettings(
        name, partition=partition, account=account, options=_options(values, path, item), max_jobs=_max_jobs(item)
    )


def _directory(values: Values, path: Path, name: str, item: Item) -> DirectorySettings:
    return DirectorySettings(name, remote=_remote(values, path, item))


def _dask(values: Values, path: Path, name: str, item: Item) -> DaskSettings:
    address = values.text((*path, "address"), within=item) or None
    return DaskSettings(
        name,
        address=address,
        remote=_remote(values, path, item),
        shared=item.get("shared") is True,
        max_jobs=_max_jobs(item),
    )


def _kubernetes(values: Values, path: Path, name: str, item: Item) -> KubernetesSettings:
    context, namespace, registry = (
        values.text((*path, key), within=item) or None for key in ("context", "namespace", "image_registry")
    )
    return KubernetesSettings(
        name=name,
        context=context,
        namespace=namespace,
        image=read_image(values, (*path, "image"), item.get("image")),
        image_registry=registry,
        remote=_remote(values, path, item),
        node_selector=dict(_pairs(values, (*path, "node_selector"), item.get("node_selector") or {})),
        labels=dict(_pairs(values, (*path, "labels"), item.get("labels") or {})),
        setup=tuple(values.texts((*path, "setup"), item.get("setup") or ())),
        max_jobs=_max_jobs(item),
    )


_READERS: dict[str, Callable[[Values, Path, str, Item], ExecutorSettings]] = {
    "docker": _containers,
    "podman": _containers,
    "slurm": _slurm,
    "directory": _directory,
    "dask": _dask,
    "kubernetes": _kubernetes,
}


def _options(values: Values, path: Path, item: Item) -> tuple[str, ...]:
    return tuple(values.texts((*path, "options"), item.get("options") or ()))


def _max_jobs(item: Item) -> int:
    return int(item.get("max_jobs") or 100)


def _remote(values: Values, path: Path, item: Item) -> str | None:
    """Read the remote through which files travel, which project.yml must define."""
    name = values.text((*path, "remote"), within=item) or None
    remotes = values.mapping("remotes")
    if name is not None and name not in remotes:
        unknown = UnknownName("remote", name, list(remotes))
        values.problem((*path, "remote"), unknown.message, unknown.hint)
    return name


def _pairs(values: Values, path: Path, items: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in items.items():
        if (text := values.interpolated((*path, key), str(value))) is not None:
            yield key, text

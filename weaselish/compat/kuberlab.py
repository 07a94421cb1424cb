"""Turn the tasks and sources of a Kuberlab project's config.yaml into commands and assets of project.yml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weaselish.compat.foreign_yaml import ForeignYaml
from weaselish.files import yaml12
from weaselish.model.locations import Path
from weaselish.model.sources import is_source_name

FILE = "config.yaml"
_NO_TYPE = ("s3bucket", "dataset", "datasetFS", "model", "emptyDir")


@dataclass(frozen=True, slots=True)
class KuberlabProject:
    text: str  # YAML, for project.yml
    notes: tuple[str, ...]  # what the user has to check or do


def read_kuberlab(data: bytes, *, file: str = FILE) -> KuberlabProject:
    """Return the keys for the sources and the tasks. Raises InvalidProject with all problems and their positions."""
    source, notes = ForeignYaml(data, file), list[str]()
    if source.text(("kind",)) not in ("", "MLApp"):
        source.problem(("kind",), "`kind` is not `MLApp`", "name the config.yaml of a Kuberlab project")
    keys: dict[str, object] = {}
    if name := source.text(("metadata", "name")):
        keys["name"] = name
    keys["assets"] = list(_assets(source, notes))
    keys["commands"] = [
        _command(source, ("spec", "tasks", index), notes) for index in range(source.length(("spec", "tasks")))
    ]
    if not keys["commands"]:
        source.problem((), "`spec.tasks` is missing", "without it there is nothing to import")
    source.raise_problems()
    notes.append("add `deps` and `outputs` to each command: Kuberlab does not know them")
    for key, what in (("uix", "notebooks and Tensorboard"), ("serving", "serving")):
        if source.value(("spec", key)):
            notes.append(f"`spec.{key}` is left out: {what} are not run by proj")
    return KuberlabProject(yaml12.write({key: value for key, value in keys.items() if value}), tuple(notes))


# -- tasks ------------------------------------------------------------------------------------------------------------


def _command(source: ForeignYaml, path: Path, notes: list[str]) -> dict[str, object]:
    name = source.text((*path, "name"), is_needed=True)
    command: dict[str, object] = {"name": name, "shell": True}
    if waits := source.text((*path, "timeout")):
        command["queue_timeout"] = f"{waits}s"  # in Kuberlab, how long a task waits for resources
    resources = [(*path, "resources", index) for index in range(source.length((*path, "resources")))]
    if not resources:
        source.problem(path, f"the task `{name}` has no `resources`")
    if len(resources) == 1 and _replicas(source, resources[0]) == 1:
        return command | _process(source, resources[0])
    command["roles"] = {
        source.text((*one, "name"), is_needed=True): _role(source, one, notes) | _process(source, one)
        for one in resources
    }
    return command


def _role(source: ForeignYaml, path: Path, notes: list[str]) -> dict[str, object]:
    role: dict[str, object] = {}
    if (replicas := _replicas(source, path)) != 1:
        role["replicas"] = replicas
    if port := source.text((*path, "port")):
        role["port"] = _number(port)
    if restarts := source.text((*path, "maxRestartCount")):
        role["restarts"] = _number(restarts)
    if source.switch((*path, "is_permanent")):
        role["keep_alive"] = True
    if source.value((*path, "autoscale")):
        notes.append(f"`autoscale` of `{source.text((*path, 'name'))}` is left out: the number of replicas is fixed")
    return role


def _process(source: ForeignYaml, path: Path) -> dict[str, object]:
    """Return what one process runs, and what it needs."""
    words = [source.text((*path, key)) for key in ("command", "args")]
    line = " ".join(filter(None, words))
    if not line:
        source.problem(path, "`command` is missing")
    workdir = source.text((*path, "workDir"))
    process: dict[str, object] = {"script": [f"cd {workdir} && {line}" if workdir else line]}
    images = {key: text for key in ("cpu", "gpu") if (text := source.text((*path, "images", key)))}
    if images:
        process["image"] = images["cpu"] if list(images) == ["cpu"] else images
    if amounts := _amounts(source, path):
        process["resources"] = amounts
    variables = [(*path, "env", index) for index in range(source.length((*path, "env")))]
    if variables:
        process["env"] = {
            source.text((*one, "name"), is_needed=True): source.text((*one, "value")) for one in variables
        }
    return process


def _amounts(source: ForeignYaml, path: Path) -> dict[str, object]:
    def given(kind: str) -> dict[str, object]:
        names = {"cpus": "cpu", "memory": "memory"}
        texts = {ours: source.text((*path, "resources", kind, theirs)) for ours, theirs in names.items()}
        return {ours: text for ours, text in texts.items() if text}

    requests, limits = given("requests"), given("limits")
    if gpus := _number(source.text((*path, "resources", "accelerators", "gpu")) or "0"):
        requests["gpus"] = gpus
    return {"requests": requests, "limits": limits} if limits else requests


def _replicas(source: ForeignYaml, path: Path) -> int:
    return _number(source.text((*path, "replicas")) or "1")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


# -- sources ----------------------------------------------------------------------------------------------------------


def _assets(source: ForeignYaml, notes: list[str]) -> Iterator[dict[str, object]]:
    for index in range(source.length(("spec", "volumes"))):
        path: Path = ("spec", "volumes", index)
        name = source.text((*path, "name"), is_needed=True)
        volume = source.mapping(path)
        if kind := next((one for one in _NO_TYPE if one in volume), None):
            notes.append(
                f"the source `{name}` is left out: `{kind}` has no counterpart; an `url:` names single objects"
            )
            continue
        usable = name if is_source_name(name) else re.sub(r"[^a-z0-9]+", "-", name.lower())[:63].strip("-")
        if usable != name:
            notes.append(f"the source `{name}` is now `{usable}`: names have only a-z, 0-9 and dashes")
        asset: dict[str, object] = {"name": usable, "dest": usable, **_place(source, path, volume)}
        if source.switch((*path, "readOnly")) and "git" not in asset:
            asset["read_only"] = True
        yield asset


def _place(source: ForeignYaml, path: Path, volume: Mapping[str, Any]) -> dict[str, object]:
    below = source.text((*path, "subPath"))
    if "gitRepo" in volume:
        return {"git": _git(source, (*path, "gitRepo"), below)}
    if "nfs" in volume:
        nfs = {key: source.text((*path, "nfs", key), is_needed=True) for key in ("server", "path")}
        return {"nfs": nfs | ({"subpath": below.strip("/")} if below else {})}
    if "hostPath" in volume:
        return {"path": source.text((*path, "hostPath", "path"), is_needed=True)}
    claim = source.text((*path, "clusterStorage")) or source.text((*path, "persistentVolumeClaim", "claimName"))
    if not claim:
        source.problem(path, "the source has no type", "for example `gitRepo`, `nfs` or `clusterStorage`")
    scope, rest = "project", below
    if below.startswith("/"):
        is_shared = below == "/shared" or below.startswith("/shared/")
        scope, rest = ("shared", below.removeprefix("/shared")) if is_shared else ("org", below)
    subpath = {"subpath": rest.strip("/")} if rest.strip("/") else {}
    return {"volume": {"claim": claim, **subpath, "scope": scope}}


def _git(source: ForeignYaml, path: Path, below: str) -> dict[str, object]:
    """Return the keys of a git asset. Kuberlab's sub path begins with the name of the repository."""
    repo = source.text((*path, "repository"), is_needed=True)
    name = repo.rstrip("/").rpartition("/")[2].removesuffix(".git")
    first, _, rest = below.strip("/").partition("/")
    inside = rest if first == name else below.strip("/")
    git: dict[str, object] = {"repo": repo}
    if revision := source.text((*path, "revision")):
        git["branch"] = revision
    return git | ({"path": inside} if inside else {})

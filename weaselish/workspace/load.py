"""Finds project.yml, reads it, and keeps its compiled form so that an unchanged one is not parsed again."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

from weaselish import __version__
from weaselish.errors import InvalidProject, Problem, UsageError
from weaselish.model.places import Places
from weaselish.model.project import Asset, Command, Git, Project, Remote
from weaselish.workspace.state_dir import cache_dir, write_whole

FILE = "project.yml"
_FORMAT = 1  # of the compiled project; not a promise: one that differs is thrown away
_KEPT = 8  # compiled projects that are kept, for different overrides


def find_root(directory: str | os.PathLike[str] | None = None) -> Path:
    """The project's directory: `directory`, or the nearest one from here upwards that has a project.yml."""
    if directory is not None:
        root = Path(directory)
        if not root.is_dir():
            raise UsageError(f"`{directory}` is not a directory")
        if not (root / FILE).is_file():
            raise UsageError(f"no {FILE} in `{directory}`")
        return root.resolve()
    here = Path.cwd()
    for root in (here, *here.parents):
        if (root / FILE).is_file():
            return root
    raise UsageError(f"no {FILE} here or in a directory above", hint="`cd` into a project, or name its directory")


def load_project(root: Path, overrides: Mapping[str, str] | None = None) -> Project:
    """The project in `root`. Raises InvalidProject with all that is wrong with it."""
    overrides = overrides or {}
    try:
        text = (root / FILE).read_bytes()
    except OSError as error:
        raise InvalidProject([Problem(0, 0, f"cannot be read: {error.strerror}")]) from None
    key = _key(text, overrides)
    cache = cache_dir(root)
    if cache is not None and (known := _read_compiled(cache / f"project-{key}.json")) is not None:
        return known
    project = parse_text(text, overrides)
    if cache is not None:
        _write_compiled(cache, key, project)
    return project


def parse_text(text: str | bytes, overrides: Mapping[str, str] | None = None) -> Project:
    from weaselish.model.parse import parse
    from weaselish.workspace import yaml12

    data, places = yaml12.read(text, file=FILE)
    return parse(data, places, overrides)


def places_of(root: Path) -> Places:
    """Where everything in project.yml stands."""
    from weaselish.workspace import yaml12

    return yaml12.read((root / FILE).read_bytes(), file=FILE)[1]


def load_environ(root: Path, project: Project) -> dict[str, str]:
    """The environment that steps see: the dotenv files, the later over the earlier, under the process's own."""
    loaded: dict[str, str | None] = {}
    for name in project.dotenv:
        path = root / name
        if path.is_file():
            from dotenv import dotenv_values

            loaded.update(dotenv_values(path, interpolate=True))
    return {**{name: value for name, value in loaded.items() if value is not None}, **os.environ}


def _key(text: bytes, overrides: Mapping[str, str]) -> str:
    running = md5(text, usedforsecurity=False)
    running.update(json.dumps([_FORMAT, __version__, sorted(overrides.items())]).encode())
    return running.hexdigest()


def _write_compiled(cache: Path, key: str, project: Project) -> None:
    text = json.dumps(dataclasses.asdict(project), ensure_ascii=False).encode()
    try:
        write_whole(cache / f"project-{key}.json", [text])
        compiled = sorted(cache.glob("project-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in compiled[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # a cache: the next one will try again


def _read_compiled(path: Path) -> Project | None:
    try:
        data = json.loads(path.read_bytes())
        return _project(data)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _project(data: dict[str, Any]) -> Project:
    data["commands"] = {name: _command(fields) for name, fields in data["commands"].items()}
    data["assets"] = tuple(_asset(fields) for fields in data["assets"])
    data["remotes"] = {name: Remote(**fields) for name, fields in data["remotes"].items()}
    data["workflows"] = {name: tuple(steps) for name, steps in data["workflows"].items()}
    data["warnings"] = tuple(Problem(**fields) for fields in data["warnings"])
    data["directories"] = tuple(data["directories"])
    data["dotenv"] = tuple(data["dotenv"])
    return Project(**data)


def _command(fields: dict[str, Any]) -> Command:
    for name in ("script", "deps", "outputs", "outputs_no_cache", "mutex"):
        fields[name] = tuple(fields[name])
    for name in ("env", "written"):
        fields[name] = tuple((key, value) for key, value in fields[name])
    return Command(**fields)


def _asset(fields: dict[str, Any]) -> Asset:
    git = fields.pop("git")
    return Asset(**fields, git=Git(**git) if git else None)

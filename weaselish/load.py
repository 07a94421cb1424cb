"""Finds project.yml, reads it, and keeps its compiled form so that an unchanged one is not parsed again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaselish import __version__
from weaselish.errors import InvalidProject, Problem, UsageError
from weaselish.files.atomic import write_atomically
from weaselish.files.state_dir import cache_dir
from weaselish.model.project import Asset, Command, Git, ProjectModel, Remote

if TYPE_CHECKING:
    from weaselish.model.locations import Places

FILE = "project.yml"
_FORMAT = 2  # of the compiled project; not a promise: one that differs is thrown away
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
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory does not exist", hint="`cd` into a project") from None
    for root in (here, *here.parents):
        if (root / FILE).is_file():
            return root
    raise UsageError(
        f"no {FILE} here or in a directory above",
        hint="`cd` into a project; or `proj init` writes one, and `proj clone --list` shows templates",
    )


def load_project(root: Path, overrides: Mapping[str, str] | None = None) -> ProjectModel:
    """The project in `root`. Raises InvalidProject with all that is wrong with it."""
    return ProjectFile(root, overrides or {}).project


class ProjectFile:
    """project.yml as read with some overrides. Its compiled form is kept wherever there is a cache."""

    def __init__(self, root: Path, overrides: Mapping[str, str]) -> None:
        try:
            text = (root / FILE).read_bytes()
        except OSError as error:
            raise InvalidProject([Problem(0, 0, f"cannot be read: {error.strerror}")]) from None
        self._root = root
        self._name = f"project-{_key(text, overrides)}.json"
        cache = cache_dir(root)
        known = None if cache is None else _read_compiled(cache / self._name)
        self._is_kept = known is not None
        self.project = known if known is not None else parse_text(text, overrides)
        self.keep()

    def keep(self) -> None:
        """Keep the compiled form, if there is a place for it by now."""
        cache = cache_dir(self._root)
        if not self._is_kept and cache is not None:
            _write_compiled(cache / self._name, self.project)
            self._is_kept = True


def parse_text(text: str | bytes, overrides: Mapping[str, str] | None = None) -> ProjectModel:
    from weaselish.files import yaml12
    from weaselish.model.parse import parse

    data, places = yaml12.read(text, file=FILE)
    return parse(data, places, overrides)


def places_of(root: Path) -> Places:
    """Where everything in project.yml stands."""
    from weaselish.files import yaml12

    return yaml12.read((root / FILE).read_bytes(), file=FILE)[1]


def load_dotenv(root: Path, project: ProjectModel) -> dict[str, str]:
    """Return the variables of the dotenv files, a later file over an earlier one, that the environment does not set."""
    loaded: dict[str, str | None] = {}
    for name in project.dotenv:
        path = root / name
        if path.is_file():
            from dotenv import dotenv_values

            loaded.update(dotenv_values(path, interpolate=True))
    return {name: value for name, value in loaded.items() if value is not None and name not in os.environ}


def _key(text: bytes, overrides: Mapping[str, str]) -> str:
    running = md5(text, usedforsecurity=False)
    running.update(json.dumps([_FORMAT, __version__, sorted(overrides.items())]).encode())
    return running.hexdigest()


def _write_compiled(path: Path, project: ProjectModel) -> None:
    text = json.dumps(project, ensure_ascii=False, default=dict).encode()
    try:
        write_atomically(path, [text])
        compiled = sorted(path.parent.glob("project-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in compiled[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # a cache: the next one will try again


def _read_compiled(path: Path) -> ProjectModel | None:
    try:
        data = json.loads(path.read_bytes())
        return _project(data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _project(row: list[Any]) -> ProjectModel:
    """The project from its fields in order, as JSON keeps them: tuples as lists."""
    read = ProjectModel._make(row)
    return read._replace(
        dotenv=tuple(read.dotenv),
        directories=tuple(read.directories),
        assets=tuple(_asset(fields) for fields in read.assets),
        commands={name: _command(fields) for name, fields in read.commands.items()},
        workflows={name: tuple(steps) for name, steps in read.workflows.items()},
        remotes={name: Remote._make(fields) for name, fields in read.remotes.items()},
        warnings=tuple(Problem._make(fields) for fields in read.warnings),
    )


def _command(row: Iterable[Any]) -> Command:
    read = Command._make(row)
    return read._replace(
        script=tuple(read.script),
        deps=tuple(read.deps),
        outputs=tuple(read.outputs),
        outputs_no_cache=tuple(read.outputs_no_cache),
        env=tuple((name, text) for name, text in read.env),
        mutex=tuple(read.mutex),
        written=tuple((path, text) for path, text in read.written),
    )


def _asset(row: Iterable[Any]) -> Asset:
    read = Asset._make(row)
    return read._replace(git=Git._make(read.git)) if read.git else read

"""Find and read project.yml, and keep its compiled form so that an unchanged one is not parsed again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaselish import __version__
from weaselish.errors import Part, Problem, UsageError
from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.state_dir import cache_dir
from weaselish.files.text_file import read_limited
from weaselish.model.artifacts import Artifact, ProjectVersion
from weaselish.model.cache import CacheSettings
from weaselish.model.executors import executors_from
from weaselish.model.paths import ProjectRoot
from weaselish.model.project import Asset, Combination, Command, Git, Matrix, ProjectModel, Remote
from weaselish.model.resources import Resources
from weaselish.model.roles import Image, role_from
from weaselish.model.sources import mount_from

if TYPE_CHECKING:
    from weaselish.model.locations import Locations

FILE = "project.yml"
_LARGEST = 10 << 20  # bytes of project.yml
_FORMAT = 12  # of the compiled project; not a promise: proj discards one that differs
_KEPT = 8  # compiled projects, for different overrides


def find_root(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the project's directory: `directory`, or the nearest one upwards that has a project.yml.

    Raises UsageError if there is none.
    """
    if directory is not None:
        root = Path(directory)
        if not os.path.isdir(root):  # False for any text that cannot be a path
            raise UsageError(f"`{directory}` is not a directory")
        if not os.path.lexists(root / FILE):
            raise UsageError(f"no {FILE} in `{directory}`", hint="`proj init` writes one")
        return root.resolve()
    try:
        current = Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory does not exist", hint="`cd` into a project") from None
    for root in (current, *current.parents):
        if os.path.lexists(root / FILE):
            return root
    raise UsageError(
        f"no {FILE} in the current directory or in one above",
        hint="`cd` into a project; or `proj init` writes one, and `proj clone --list` shows templates",
    )


def project_root(root: Path) -> ProjectRoot:
    """Return the root with a check for absolute paths that lead into it through links, such as a linked `/home`."""

    def find(path: str) -> str | None:
        names = path.split("/")
        for count in range(len(names), 1, -1):
            with suppress(OSError, ValueError):
                if os.path.samefile("/".join(names[:count]), root):
                    return "/".join(names[count:]) or "."
        return None

    return ProjectRoot(str(root), find, os.path.realpath)


def load_project(root: Path, overrides: Mapping[str, str] | None = None) -> ProjectModel:
    """Return the project in `root`. Raises UsageError or InvalidProject."""
    return ProjectFile(root, overrides or {}).project


def compiled_project(root: Path, data: bytes) -> ProjectModel | None:
    """Return the compiled form of a project.yml with these bytes, if there is one."""
    cache = cache_dir(root)
    return None if cache is None else _read_compiled(cache / _compiled_name(root, data, {}))


class ProjectFile:
    """project.yml as read with some overrides. Its compiled form is kept if `.proj/cache` exists."""

    def __init__(self, root: Path, overrides: Mapping[str, str], *, earlier: ProjectFile | None = None) -> None:
        """Read the file. Take the project from `earlier` if nothing changed since."""
        data = read_project_file(root)
        self._root = root
        self._overrides = overrides
        self._locations: Locations | None = None
        self._name = _compiled_name(root, data, overrides)
        if earlier is not None and earlier._name == self._name:
            self._locations = earlier._locations
            self._is_kept: bool = earlier._is_kept
            self.project: ProjectModel = earlier.project
        else:
            cache = cache_dir(root)
            compiled = None if cache is None else _read_compiled(cache / self._name)
            self._is_kept = compiled is not None
            self.project = compiled or self._parse(data)
        self.keep()

    def _parse(self, text: bytes) -> ProjectModel:
        from weaselish.files import yaml12
        from weaselish.model.matrix import is_matrix_value
        from weaselish.model.parse import parse

        data, self._locations = yaml12.read(text, file=FILE, is_kept=is_matrix_value)
        return parse(data, self._locations, self._overrides, project_root(self._root))

    @property
    def locations(self) -> Locations:
        """The location of each value, key and command."""
        if self._locations is None:
            self._parse(read_project_file(self._root))
        assert self._locations is not None
        return self._locations

    def keep(self) -> None:
        """Keep the compiled form, if `.proj/cache` exists by now."""
        cache = cache_dir(self._root)
        if not self._is_kept and cache is not None:
            _write_compiled(cache / self._name, self.project)
            self._is_kept = True


def read_project_file(root: Path) -> bytes:
    """Return the bytes of project.yml. Raises UsageError if it is not a file, unreadable or too large."""
    return read_limited(root / FILE, name=FILE, limit=_LARGEST)


def load_dotenv(root: Path, project: ProjectModel) -> dict[str, str]:
    """Return the variables of the dotenv files, a later file over an earlier one."""
    loaded: dict[str, str] = {}
    for name in project.dotenv:
        path = root / name
        if os.path.lexists(path):
            from weaselish.files.dotenv_file import read_dotenv

            loaded.update(read_dotenv(path, name=name))
    return loaded


def _compiled_name(root: Path, data: bytes, overrides: Mapping[str, str]) -> str:
    running = md5(data, usedforsecurity=False)
    running.update(json.dumps([_FORMAT, __version__, sorted(overrides.items()), str(root)]).encode())
    return f"project-{running.hexdigest()}.json"


def _write_compiled(path: Path, project: ProjectModel) -> None:
    try:
        write_cache(path, project)
        compiled = sorted(path.parent.glob("project-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in compiled[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # it is a cache: the next call tries again


def _read_compiled(path: Path) -> ProjectModel | None:
    try:
        return _project(read_cache(path))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _project(row: list[Any]) -> ProjectModel:
    """Return the project from its fields in order. JSON keeps tuples as lists."""
    read = ProjectModel._make(row)
    return read._replace(
        dotenv=tuple(read.dotenv),
        env_files=tuple(read.env_files),
        directories=tuple(read.directories),
        assets=tuple(_asset(fields) for fields in read.assets),
        commands={name: _command(fields) for name, fields in read.commands.items()},
        matrices={name: Matrix(tuple(steps), text) for name, (steps, text) in read.matrices.items()},
        workflows={name: tuple(steps) for name, steps in read.workflows.items()},
        remotes={name: _remote(fields) for name, fields in read.remotes.items()},
        cache=CacheSettings._make(read.cache) if read.cache else None,
        executors=executors_from(list(read.executors)),
        version=ProjectVersion._make(read.version),
        artifacts={name: Artifact._make(fields) for name, fields in read.artifacts.items()},
        warnings=tuple(_problem(fields) for fields in read.warnings),
        faults=tuple(_problem(fields) for fields in read.faults),
    )


def _remote(row: Iterable[Any]) -> Remote:
    read = Remote._make(row)
    if not read.auth:
        return read
    from weaselish.model.secret_refs import Auth, AuthType

    kind, *secrets = read.auth
    return read._replace(auth=Auth(AuthType(kind), *map(_secret, secrets)))


def _secret(field: Any) -> Any:
    """Return a reference to a secret, or the text of a user's name."""
    if not isinstance(field, list):
        return field
    from weaselish.model.secret_refs import SecretKind, SecretRef

    return SecretRef(SecretKind(field[0]), *field[1:])


def _problem(row: Iterable[Any]) -> Problem:
    read = Problem._make(row)
    return read._replace(confined_to=Part._make(read.confined_to)) if read.confined_to else read


def _command(row: Iterable[Any]) -> Command:
    read = Command._make(row)
    return read._replace(
        script=tuple(read.script),
        deps=tuple(read.deps),
        outputs=tuple(read.outputs),
        outputs_no_cache=tuple(read.outputs_no_cache),
        metrics=tuple(read.metrics),
        resources=Resources._make(read.resources),
        limits=Resources._make(read.limits),
        env=tuple((name, text) for name, text in read.env),
        mutex=tuple(read.mutex),
        written=tuple((path, text) for path, text in read.written),
        matrix=_combination(*read.matrix) if read.matrix else None,
        image=Image._make(read.image) if read.image else None,
        roles=tuple(role_from(list(role)) for role in read.roles),
    )


def _combination(command: str, values: Iterable[Iterable[str]]) -> Combination:
    return Combination(command, tuple((variable, text) for variable, text in values))


def _asset(row: Iterable[Any]) -> Asset:
    read = Asset._make(row)
    return read._replace(
        git=Git._make(read.git) if read.git else None, mount=mount_from(list(read.mount)) if read.mount else None
    )

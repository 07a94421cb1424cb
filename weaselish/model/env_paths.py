"""Insert values of the environment into the paths of a project, and refuse those that cannot be used then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from weaselish.errors import Part, Problem
from weaselish.model.artifacts import Artifact
from weaselish.model.interpolate import env_names, put_env
from weaselish.model.path_rules import PathKind, ReadOnly, path_refusal, read_only_places
from weaselish.model.paths import ProjectRoot
from weaselish.model.project import Asset, Command, ProjectModel

Env = Callable[[str], str | None]


def with_env_in_paths(project: ProjectModel, env: Env, root: ProjectRoot) -> ProjectModel:
    """Return the project in `root` with each `${env.X}` in a path replaced.

    A command, asset or artifact with a path that cannot be used stays unchanged and gets a fault. Such a directory is
    left out.
    """
    return _Paths(project, env, root).replaced() if _has_env(_all_paths(project)) else project


def _all_paths(project: ProjectModel) -> Iterable[str]:
    own = (*project.directories, *(path for asset in project.assets for path in (asset.dest, asset.place)))
    own += tuple(artifact.path for artifact in project.artifacts.values())
    return chain(own, chain.from_iterable(map(_paths_of, project.commands.values())))


def _paths_of(command: Command) -> tuple[str, ...]:
    return (*command.deps, *command.all_outputs, *command.metrics, command.workdir)


def _has_env(paths: Iterable[str]) -> bool:
    return "${env." in "".join(paths)


class _Unusable(Exception):
    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class _Paths:
    def __init__(self, project: ProjectModel, env: Env, root: ProjectRoot) -> None:
        self._project, self._env, self._root = project, env, root
        self._problems: list[Problem] = []
        self._read_only: tuple[ReadOnly, ...] = ()
        self._is_known = True  # what is read-only was known when project.yml was read

    def replaced(self) -> ProjectModel:
        project = self._project
        assets = tuple(self._asset(asset) for asset in project.assets)
        self._read_only = tuple(read_only_places(assets))
        self._is_known = self._read_only == tuple(read_only_places(project.assets))
        return project._replace(
            directories=tuple(self._directories()),
            assets=assets,
            artifacts={name: self._artifact(artifact) for name, artifact in project.artifacts.items()},
            commands={name: self._command(command) for name, command in project.commands.items()},
            faults=(*project.faults, *self._problems),
        )

    def _directories(self) -> Iterator[str]:
        for path in self._project.directories:
            try:
                yield self._path(path, PathKind.DIRECTORY)
            except _Unusable as error:
                self._problem(error, Part("directories", path))

    def _asset(self, asset: Asset) -> Asset:
        kind = PathKind.PRIVATE_ASSET if asset.is_private else PathKind.FETCHED_ASSET
        try:
            mount = asset.mount
            if mount is not None and mount.path is not None:
                mount = mount._replace(path=self._path(mount.path, PathKind.SOURCE))
            return asset._replace(dest=self._path(asset.dest, kind), mount=mount)
        except _Unusable as error:
            self._problem(error, Part("assets", asset.dest))
            return asset

    def _artifact(self, artifact: Artifact) -> Artifact:
        try:
            return artifact._replace(path=self._path(artifact.path, PathKind.ARTIFACT))
        except _Unusable as error:
            self._problem(error, Part("artifacts", artifact.name))
            return artifact

    def _command(self, command: Command) -> Command:
        if self._is_known and not _has_env(_paths_of(command)):
            return command
        try:
            return self._replaced_in(command)
        except _Unusable as error:
            self._problem(error, Part("commands", command.name))
            return command

    def _replaced_in(self, command: Command) -> Command:
        written: dict[str, str] = {}

        def paths(texts: Iterable[str], kind: PathKind) -> tuple[str, ...]:
            replaced = {self._path(text, kind): put_env(command.as_written(text), self._env) for text in texts}
            written.update((path, text) for path, text in replaced.items() if path != text)
            return tuple(replaced)

        return command._replace(
            deps=paths(command.deps, PathKind.DEP),
            outputs=paths(command.outputs, PathKind.OUTPUT),
            outputs_no_cache=paths(command.outputs_no_cache, PathKind.OUTPUT),
            metrics=paths(command.metrics, PathKind.METRICS),
            workdir=self._path(command.workdir, PathKind.WORKDIR),
            written=tuple(written.items()),
        )

    def _path(self, text: str, kind: PathKind) -> str:
        if self._is_known and "${env." not in text:
            return text
        path = self._root.normalise(put_env(text, self._env))
        names = sorted(name for name in env_names([text]) if not self._env(name))
        if names and text.startswith("${env."):  # `${env.X}/data` must not become `/data`
            variable = self._project.env.get(names[0], names[0])
            raise _Unusable(f"`{text}` needs `env.{names[0]}`", f"set the environment variable {variable}")
        refusal = path_refusal(path, kind, self._root.path, self._read_only)
        if refusal is not None:
            raise _Unusable(f"`{text}` cannot be used as {kind.value}", refusal[1])  # its message shows the value
        return path

    def _problem(self, error: _Unusable, part: Part) -> None:
        self._problems.append(Problem(0, 0, f"`{part.name}`: {error.message}", error.hint, confined_to=part))

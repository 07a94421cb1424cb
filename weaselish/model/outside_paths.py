"""Gives each path outside the project one form: `/srv/data` and `../data` may denote the same directory."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from itertools import chain

from weaselish.model.paths import ProjectRoot, dep_base, inside, normalise, overlap
from weaselish.model.project import Asset, Command, ProjectModel


def with_one_form(project: ProjectModel, root: ProjectRoot) -> ProjectModel:
    """Return the project with an absolute path as a relative one, if a relative path of the project overlaps it.

    All other paths stay as written, and with them the keys that they are part of.
    """
    outside = {path for path in _paths(project) if path.startswith(("/", "../"))}
    relative = [dep_base(path) for path in outside if path.startswith("../")]
    absolute = [path for path in outside if path.startswith("/")]
    if not relative or not absolute:
        return project
    real = {path: root.real(posixpath.join(root.path, path)) for path in relative}
    renamed = {path: other for path in absolute if (other := _relative(path, real, root))}
    return _renamed(project, renamed) if renamed else project


def _paths(project: ProjectModel) -> Iterable[str]:
    own = (command.deps + command.all_outputs for command in project.commands.values())
    return chain((asset.dest for asset in project.assets), chain.from_iterable(own))


def _relative(path: str, real: Mapping[str, str], root: ProjectRoot) -> str | None:
    """Return an absolute path as seen from the project, if it overlaps one of the relative paths in `real`."""
    base = dep_base(path)
    own, glob = root.real(base), path[len(base) :].lstrip("/")
    for other, location in real.items():
        if inside(own, location):  # also where `other` leads there through a link
            return normalise("/".join((other, posixpath.relpath(own, location), glob)))
    seen = posixpath.relpath(own, root.path)
    return normalise(f"{seen}/{glob}") if any(overlap(seen, other) for other in real) else None


def _renamed(project: ProjectModel, names: Mapping[str, str]) -> ProjectModel:
    return project._replace(
        assets=tuple(_asset(asset, names) for asset in project.assets),
        commands={name: _command(command, names) for name, command in project.commands.items()},
    )


def _asset(asset: Asset, names: Mapping[str, str]) -> Asset:
    return asset._replace(dest=names.get(asset.dest, asset.dest))


def _command(command: Command, names: Mapping[str, str]) -> Command:
    def renamed(paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names.get(path, path) for path in paths))

    own = [path for path in (*command.deps, *command.all_outputs) if path in names]
    if not own:
        return command
    outputs = renamed(command.outputs)
    return command._replace(
        deps=renamed(command.deps),
        outputs=outputs,
        outputs_no_cache=tuple(path for path in renamed(command.outputs_no_cache) if path not in outputs),
        written=(*((names[path], command.as_written(path)) for path in own), *command.written),
    )

"""Finds the names that a project.yml defines, quickly and even if it is broken: for completion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from weaselish.errors import ProjError
from weaselish.load import ProjectFile, compiled_project, find_root, read_project_file
from weaselish.model.executors import LOCAL
from weaselish.model.interpolate import is_secret
from weaselish.model.project import ProjectModel
from weaselish.model.urls import without_secrets
from weaselish.named_tuple import NamedTuple

_PARSED = 20_000  # bytes of a project.yml that is parsed; a larger one only if its compiled form is current
_NONE: Mapping[str, str] = MappingProxyType({})

_SECTION = re.compile(r"([\w-]+)\s*:")
_COMMAND = re.compile(r"(?:^\s*-?\s*|[{,]\s*)name:\s*(\"[^\"]*\"|'[^']*'|[^\s,}#][^,}#]*)")
_WORKFLOW = re.compile(r"(?:^\s+|[{,]\s*)([\w.@+-]+)\s*:")


class Outline(NamedTuple):
    """Names with a description of each: help, steps, value, URL."""

    commands: Mapping[str, str] = _NONE
    workflows: Mapping[str, str] = _NONE
    variables: Mapping[str, str] = _NONE  # `vars.x`, `env.X`
    remotes: Mapping[str, str] = _NONE
    assets: Mapping[str, str] = _NONE
    artifacts: Mapping[str, str] = _NONE
    executors: Mapping[str, str] = _NONE
    roles: Mapping[str, str] = _NONE


def outline() -> Outline:
    """Return the names that the project around the current directory defines; none if there is no readable project.

    A file that is broken, or large and not compiled, is searched for names of commands and workflows.
    """
    try:
        root = find_root()
        text = read_project_file(root)
    except ProjError:
        return Outline()
    try:
        model = compiled_project(root, text)
        if model is None and len(text) <= _PARSED:
            model = ProjectFile(root, {}).project
    except ProjError:
        model = None
    return _searched(text.decode("utf-8", "replace")) if model is None else _of_model(model)


def _of_model(model: ProjectModel) -> Outline:
    env = {f"env.{name}": variable for name, variable in model.env.items()}
    return Outline(
        {
            **{name: matrix.help for name, matrix in model.matrices.items()},
            **{name: command.help for name, command in model.commands.items()},
        },
        {name: " → ".join(steps) for name, steps in model.workflows.items()},
        {**dict(_leaves(model.vars, "vars")), **env},
        {name: without_secrets(remote.url) for name, remote in model.remotes.items()},
        {name: asset.description for asset in model.assets for name in (asset.dest, asset.name) if name},
        {name: artifact.description for name, artifact in model.artifacts.items()},
        {LOCAL: "this machine", **{name: settings.type for name, settings in model.executors.by_name.items()}},
        {role.name: f"in `{command.name}`" for command in model.commands.values() for role in command.roles},
    )


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}")
    else:
        yield name, "" if is_secret(name) else str(value)


def _searched(text: str) -> Outline:
    """Find the names in lines that look like those of a usual project.yml."""
    commands: dict[str, str] = {}
    workflows: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        start = _SECTION.match(line)
        if start:
            section, line = start[1], line[start.end() :]
        if section == "commands":
            commands.update((name.strip().strip("\"'"), "") for name in _COMMAND.findall(line))
        elif section == "workflows":
            workflows.update((name, "") for name in _WORKFLOW.findall(line))
    return Outline(commands, workflows)

"""Resolve the variables of a project, and say where the value of each comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from weaselish.files import yaml12
from weaselish.files.dotenv_file import read_dotenv
from weaselish.load import FILE, read_project_file
from weaselish.model.interpolate import BadReference, Interpolator, is_secret, override, put_env
from weaselish.model.locations import Locations
from weaselish.workspace import Workspace

MASKED = "***"


@dataclass(frozen=True, slots=True)
class Variable:
    name: str  # vars.x, env.X
    value: object  # as JSON has it; *** for a secret
    source: str


def variables_of(workspace: Workspace, overrides: Mapping[str, str], given_by: Mapping[str, str]) -> list[Variable]:
    """Return every variable, each nested one separately, and overridden values of the project. Secrets are masked.

    `given_by` maps each override to its origin.
    """
    data, locations = yaml12.read(read_project_file(workspace.root), file=FILE)
    override(data, overrides)
    data["vars"] = _masked(data.get("vars") or {})
    interpolator = Interpolator(data)
    variables = [
        Variable(".".join(path), _resolved(workspace, interpolator, value, path), _source(path, locations, given_by))
        for path, value in _leaves(data["vars"], ("vars",))
    ]
    for name in overrides:
        section, _, key = name.partition(".")
        if section == "project":
            variables.append(Variable(name, MASKED if is_secret(key) else overrides[name], given_by[name]))
    for name, variable in workspace.project.env.items():
        source = given_by.get(f"env.{name}") or _origin(workspace, variable)
        variables.append(Variable(f"env.{name}", workspace.shown_env(name) or "", source))
    return variables


def _resolved(workspace: Workspace, interpolator: Interpolator, value: Any, path: tuple[str, ...]) -> Any:
    """Return a variable with its references replaced; as written if one cannot be, which is a fault of the project."""
    with suppress(BadReference):
        value = interpolator.tree(value, path)
    return _with_env(workspace, value)


def _masked(value: Any, *, secret: bool = False) -> Any:
    """Return `value` with *** for each one that has a secret's name, so that variables that use it are masked too."""
    if isinstance(value, dict):
        return {key: _masked(item, secret=secret or is_secret(str(key))) for key, item in value.items()}
    if isinstance(value, list) and not secret:
        return [_masked(item) for item in value]
    return MASKED if secret and value is not None else value


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and (value or len(path) == 1):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    else:
        yield path, value


def _with_env(workspace: Workspace, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_env(workspace, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_env(workspace, item) for item in value]
    return put_env(value, workspace.shown_env) if isinstance(value, str) else value


def _source(path: tuple[str, ...], locations: Locations, given_by: Mapping[str, str]) -> str:
    name = ".".join(path)
    if name in given_by:
        return given_by[name]
    line, _ = locations.of(path)
    return f"{FILE}:{line}"


def _origin(workspace: Workspace, variable: str) -> str:
    if variable in os.environ:
        return f"environment variable {variable}"
    for name in reversed(workspace.project.dotenv):
        if variable in read_dotenv(workspace.root / name, name=name):
            return f"{variable} in {name}"
    return f"environment variable {variable}, unset"

"""The values that references stand for, and where each comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weaselish import load
from weaselish.files import yaml12
from weaselish.model.interpolate import Interpolator, is_secret, override, put_env
from weaselish.model.locations import Places
from weaselish.workspace import Workspace

MASKED = "***"


@dataclass(frozen=True, slots=True)
class Value:
    name: str  # vars.x, env.X
    value: object  # as JSON has it; *** for a secret
    source: str


def values(workspace: Workspace, overrides: Mapping[str, str], given_by: Mapping[str, str]) -> list[Value]:
    """Every variable, a nested one by itself, and what of the project is overridden, secrets masked.

    `given_by` says for each override who gave it.
    """
    data, places = yaml12.read((workspace.root / load.FILE).read_bytes(), file=load.FILE)
    override(data, overrides)
    data["vars"] = _masked(data.get("vars") or {})
    interpolator = Interpolator(data)
    found = []
    for path, value in _leaves(data["vars"], ("vars",)):
        value = _with_env(workspace, interpolator.tree(value))
        found.append(Value(".".join(path), value, _source(path, places, given_by)))
    for name in overrides:
        section, _, key = name.partition(".")
        if section == "project":
            found.append(Value(name, MASKED if is_secret(key) else overrides[name], given_by[name]))
    for name, variable in workspace.project.env.items():
        source = given_by.get(f"env.{name}") or _origin(workspace, variable)
        found.append(Value(f"env.{name}", workspace.shown_env(name) or "", source))
    return found


def _masked(value: Any, *, secret: bool = False) -> Any:
    """`value` with *** for whatever has a secret's name: so it is masked also in variables made of it."""
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


def _source(path: tuple[str, ...], places: Places, given_by: Mapping[str, str]) -> str:
    name = ".".join(path)
    if name in given_by:
        return given_by[name]
    line, _ = places.of(path)
    return f"{load.FILE}:{line}"


def _origin(workspace: Workspace, variable: str) -> str:
    if variable in os.environ:
        return f"environment variable {variable}"
    for name in reversed(workspace.project.dotenv):
        if (workspace.root / name).is_file() and variable in _dotenv(workspace, name):
            return f"{variable} in {name}"
    return f"environment variable {variable}, unset"


def _dotenv(workspace: Workspace, name: str) -> Mapping[str, str | None]:
    from dotenv import dotenv_values

    return dotenv_values(workspace.root / name)

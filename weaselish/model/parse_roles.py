"""Read the roles of a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_executors import read_image
from weaselish.model.parse_resources import read_resources
from weaselish.model.parse_script import read_env, read_script
from weaselish.model.parse_values import Values
from weaselish.model.resources import Resources
from weaselish.model.roles import Role

Item = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_NO_NAME = "use letters, digits, `-` and `_`, at most 63 characters"


def read_roles(
    values: Values, path: Path, item: Item, *, name: str, script: tuple[str, ...], amounts: tuple[Resources, Resources]
) -> tuple[Role, ...]:
    """Read the roles of the command `name`. With `replicas` alone, its script is one role named after it.

    `amounts` are what the command requests and its limits. They are those of each replica of a role without its own.
    """
    replicas = item.get("replicas")
    roles = item.get("roles") or {}
    if roles and item.get("script"):
        values.problem((*path, "roles"), "`roles` and `script` exclude each other", "give each role its own `script`")
    if item.get("interactive") is True and (roles or replicas is not None):
        hint = "remove one of them: no replica gets the terminal"
        values.problem((*path, "interactive"), "`interactive` and roles exclude each other", hint, key=True)
    if roles and replicas is not None:
        values.problem((*path, "replicas"), "`replicas` belongs in each of the `roles`", "move it there", key=True)
    if not roles:
        return () if replicas is None else (_sole_role(name, script, int(replicas), amounts),)
    read = tuple(_role(values, (*path, "roles", key), key, role or {}, amounts, item) for key, role in roles.items())
    _check(values, (*path, "roles"), read)
    return read


def _sole_role(name: str, script: tuple[str, ...], replicas: int, amounts: tuple[Resources, Resources]) -> Role:
    """Return the role of a command with `replicas`, named after it."""
    return Role(name, script, replicas, resources=amounts[0], limits=amounts[1], is_command=True)


def _role(
    values: Values, path: Path, name: str, item: Item, amounts: tuple[Resources, Resources], command: Item
) -> Role:
    if not _NAME.fullmatch(name):
        values.problem(path, f"`{name}` cannot name a role", _NO_NAME, key=True)
    requests, limits = amounts
    if item.get("resources"):
        requests, limits = read_resources(values, (*path, "resources"), item["resources"])
    in_shell = command.get("shell", False) not in (False, None)
    return Role(
        name=name,
        script=tuple(read_script(values, (*path, "script"), item.get("script") or (), in_shell=in_shell)),
        replicas=int(item.get("replicas") or 1),
        port=item.get("port"),
        image=read_image(values, (*path, "image"), item.get("image")),
        resources=requests,
        limits=limits,
        env=tuple(read_env(values, path, item.get("env") or {})),
        restarts=int(item.get("restarts") or 0),
        keep_alive=item.get("keep_alive") is True,
    )


def _check(values: Values, path: Path, roles: tuple[Role, ...]) -> None:
    if all(role.keep_alive for role in roles):
        values.problem(path, "every role has `keep_alive`, so that the step would never end", "remove one of them")
    by_variable: dict[str, str] = {}
    for role in roles:
        other = by_variable.setdefault(role.variable, role.name)
        if other != role.name:
            message = f"the roles `{other}` and `{role.name}` have the same variable {role.variable}_NODES"
            values.problem((*path, role.name), message, "rename one of them", key=True)
        if not role.script:
            values.problem((*path, role.name), f"the role `{role.name}` has no `script`", "add one", key=True)

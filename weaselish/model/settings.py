"""Settings of a command that a run may change without an edit of project.yml: `proj run train --set KEY=VALUE`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weaselish.errors import near_match
from weaselish.model.resources import read_bytes, read_cpus

SECTION = "commands"  # begins the name of such an override: commands.train.resources.memory

_AMOUNTS: Mapping[str, Callable[[str], object]] = {
    "cpus": read_cpus,
    "memory": read_bytes,
    "gpus": lambda text: int(text) if text.isascii() and text.isdecimal() else None,
    "disk": read_bytes,
}
_SHORT = {"cpus": "cpu", "gpus": "gpu"}  # other names of amounts
_COUNTS = ("replicas", "restarts", "retries")
_OF_COMMAND = ("resources.memory", "replicas", "roles.ROLE.replicas", "roles.ROLE.resources.memory", "retries")


class BadSetting(Exception):
    """A setting that cannot be changed: message and hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def setting_name(key: str, targets: Iterable[str]) -> str:
    """Return the name of the override that `--set KEY` means in a run of `targets`. Raises BadSetting.

    KEY begins with a command's name unless `targets` are one name.
    """
    names = [target.partition("@")[0] for target in targets]
    if key.partition(".")[0] not in ("resources", "roles", *_COUNTS):
        if "." in key:
            return f"{SECTION}.{key}"
        raise BadSetting(f"`{key}` cannot be set", _known())
    if len(names) != 1:
        raise BadSetting(f"`{key}` of which command?", f"name it: `--set {names[0] if names else 'COMMAND'}.{key}=…`")
    return f"{SECTION}.{names[0]}.{key}"


def change_setting(data: dict[str, Any], name: str, text: str) -> None:
    """Change one setting of a command in the data of project.yml. Raises BadSetting."""
    commands = {str(item.get("name")): item for item in data.get(SECTION) or () if isinstance(item, dict)}
    rest = name.removeprefix(f"{SECTION}.")
    matching = [command for command in commands if rest.startswith(f"{command}.")]
    if not matching:
        first, _, key = rest.partition(".")
        if first in _mapping(data.get("workflows")):
            raise BadSetting(f"`{key}` of which command of `{first}`?", f"name it: `--set COMMAND.{key}=…`")
        if first in ("vars", "env"):
            advice = f"write `--{rest} VALUE`" if first == "vars" else "set it before `proj`: `NAME=VALUE proj …`"
            raise BadSetting(f"`{rest}` is not changed with `--set`", advice)
        close = near_match(first, commands)
        hint = f"did you mean `{close}`?" if close else f"begin with a command: `--set COMMAND.{_OF_COMMAND[0]}=…`"
        raise BadSetting(f"`{rest}`: project.yml has no command `{first}`", hint)
    command = max(matching, key=len)
    _change(commands[command], rest.removeprefix(f"{command}."), text)


def _change(command: dict[str, Any], key: str, text: str) -> None:
    roles = _mapping(command.get("roles"))
    match key.split("."):
        case ["resources", amount]:
            _set_amount(command, key, amount, text)
        case [("replicas" | "retries") as count]:
            _set_count(command, key, count, text)
        case ["roles", role, *_] if role not in roles:
            close = near_match(role, roles)
            hint = f"did you mean `{close}`?" if close else f"its roles: {', '.join(roles)}" if roles else "it has none"
            raise BadSetting(f"`{key}`: `{command.get('name')}` has no role `{role}`", hint)
        case ["roles", role, ("replicas" | "restarts") as count]:
            _set_count(_role(roles, role), key, count, text)
        case ["roles", role, "resources", amount]:
            own = _role(roles, role)
            own.setdefault("resources", _mapping(command.get("resources")))
            _set_amount(own, key, amount, text)
        case _:
            raise BadSetting(f"`{key}` cannot be set", _known())


def _role(roles: dict[str, Any], name: str) -> dict[str, Any]:
    roles[name] = _mapping(roles[name])
    role: dict[str, Any] = roles[name]
    return role


def _mapping(value: object) -> dict[str, Any]:
    """Return a value of project.yml, or an empty mapping for one that is none: the schema's check reports it."""
    return value if isinstance(value, dict) else {}


def _set_count(holder: dict[str, Any], key: str, name: str, text: str) -> None:
    if not (text.isascii() and text.isdecimal() and len(text) < 10) or (name == "replicas" and not int(text)):
        least = "1" if name == "replicas" else "0"
        raise BadSetting(
            f"`{key}` must be a whole number from {least} on, not `{text}`", f"for example `--set {key}=2`"
        )
    holder[name] = int(text)


def _set_amount(holder: dict[str, Any], key: str, name: str, text: str) -> None:
    """Change an amount. One of `requests` and `limits` is changed in both, so that they stay in agreement."""
    if name not in _AMOUNTS:
        close = near_match(name, _AMOUNTS)
        raise BadSetting(
            f"`{key}` cannot be set", f"did you mean `{close}`?" if close else f"resources are {', '.join(_AMOUNTS)}"
        )
    if _AMOUNTS[name](text) is None:
        example = "8GiB" if name in ("memory", "disk") else "2"
        raise BadSetting(f"`{key}` must be an amount, not `{text}`", f"for example `--set {key}={example}`")
    resources = holder["resources"] = dict(_mapping(holder.get("resources")))
    parts = [part for part in ("requests", "limits") if isinstance(resources.get(part), dict)]
    value = int(text) if name == "gpus" else text
    for part in parts:
        resources[part] = {**_without(resources[part], name), name: value}
    if not parts:
        holder["resources"] = {**_without(resources, name), name: value}


def _without(amounts: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in amounts.items() if key not in (name, _SHORT.get(name))}


def _known() -> str:
    return f"a run can set {', '.join(f'`{key}`' for key in _OF_COMMAND)} and the like"

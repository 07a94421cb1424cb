"""`${vars.x}`, `${env.X}`, `${project.title}` in the texts of project.yml, and overrides of them.

References to vars and project are replaced when the project is read, each string by itself and never read again as
anything but text. References to env stay, as `${env.X}`, until a step is about to start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from weaselish.errors import near_match

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ENV = re.compile(r"\$\{env\.([^{}]*)\}")
_SECRET = re.compile(  # in capitals anywhere, else as a word of its own: a tokenizer is none
    r"TOKEN|SECRET|PASSWORD|KEY|(?:Token|Secret|Password|Key)(?![a-z])|(?i:api_?key|(?<![a-z])(?:token|secret|password|key)s?(?![a-z]))"
)
_DEEPEST = 50  # variables made of variables made of …
SECTIONS = ("vars", "env", "project")
MASK = "***"  # shown in place of a secret


class BadReference(Exception):
    """A reference that cannot be replaced: message and hint. Becomes a `Problem` where the place is known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def as_text(value: object) -> str:
    """A variable's value as it looks inside text: floats by repr, `true`, `null`, lists as JSON; text as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        raise BadReference("a mapping cannot be put into text", "name one of its keys: `${vars.NAME.KEY}`")
    return json.dumps(value, ensure_ascii=False)


class Interpolator:
    """Replaces references by the values of one project."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._vars: Mapping[str, Any] = data.get("vars") or {}
        self._env: Mapping[str, Any] = data.get("env") or {}
        self._project = {k: v for k, v in data.items() if k not in ("vars", "env")}
        self._resolving: list[str] = []
        self._resolved: dict[str, str] = {}
        self.used: set[str] = set()  # full names of all references seen

    def text(self, text: str, *, in_shell: bool = False) -> str:
        """`text` with its references replaced. Raises BadReference.

        A `${…}` without a section is an error, but for a shell's line, where it belongs to the shell.
        """
        if "${" not in text:
            return text
        return _REFERENCE.sub(lambda found: self._replacement(found, in_shell), text)

    def _replacement(self, found: re.Match[str], in_shell: bool) -> str:
        section, *keys = re.split(r"[.:]", found[1].strip())
        if section not in SECTIONS or not keys:
            if in_shell:
                return found[0]
            close = near_match(section, SECTIONS) or "vars"
            meant = f"${{{close}.{'.'.join(keys) or section}}}"
            raise BadReference(
                f"`{found[0]}` names nothing",
                f"references begin with `vars.`, `env.` or `project.`: did you mean `{meant}`?",
            )
        name = ".".join([section, *keys])
        self.used.add(name)
        if section == "env":
            self._must_know(name, ".".join(keys), self._env)
            return f"${{{name}}}"
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name, keys, self._vars if section == "vars" else self._project)
        return self._resolved[name]

    def _resolve(self, name: str, keys: list[str], values: Mapping[str, Any]) -> str:
        if name in self._resolving:
            circle = " → ".join([*self._resolving[self._resolving.index(name) :], name])
            raise BadReference(f"`${{{name}}}` is made of itself: {circle}")
        if len(self._resolving) > _DEEPEST:
            raise BadReference(f"`${{{name}}}` is the end of a chain of more than {_DEEPEST} variables")
        value: Any = values
        for depth, key in enumerate(keys):
            known = value if isinstance(value, dict) else {}
            self._must_know(name, key, known, ".".join([name.split(".")[0], *keys[:depth]]))
            value = known[key]
        self._resolving.append(name)
        try:
            return as_text(self.tree(value))
        finally:
            self._resolving.pop()

    @staticmethod
    def _must_know(name: str, key: str, known: Mapping[str, Any], where: str | None = None) -> None:
        if key in known:
            return
        where = where or name.split(".")[0]
        close = near_match(key, known)
        hint = f"did you mean `${{{where}.{close}}}`?" if close else f"define `{key}` under `{where}`"
        raise BadReference(f"unknown variable `${{{name}}}`", hint)

    def tree(self, value: Any) -> Any:
        """`value` with the references in all its texts replaced; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.tree(item) for item in value]
        if isinstance(value, dict):
            return {key: self.tree(item) for key, item in value.items()}
        return value


def env_names(texts: tuple[str, ...] | list[str]) -> set[str]:
    """The X of all `${env.X}` in the texts."""
    return {name for text in texts if "${env." in text for name in _ENV.findall(text)}


def put_env(text: str, value_of: Callable[[str], str | None]) -> str:
    """`text` with each `${env.X}` replaced by the value of X, or by nothing if that is None."""
    if "${env." not in text:
        return text
    return _ENV.sub(lambda found: value_of(found[1]) or "", text)


def is_secret(name: str) -> bool:
    """Whether a variable's name says that its value must not be shown."""
    return _SECRET.search(name) is not None


def override(data: dict[str, Any], overrides: Mapping[str, str]) -> list[str]:
    """Put `vars.x` → text into `data`, in place. Returns the names that were not there before.

    `env.X` → text gives the value of `${env.X}`, which is no part of `data`: that is for whoever looks it up.
    Raises BadReference for a section that does not exist.
    """
    added = []
    for name, value in overrides.items():
        section, *keys = name.split(".")
        if section not in SECTIONS or not keys:
            close = near_match(section, SECTIONS) or "vars"
            raise BadReference(
                f"cannot override `{name}`", f"overrides are `--vars.NAME VALUE`: did you mean `--{close}.…`?"
            )
        if section == "env":
            continue
        value_now: Any = data if section == "project" else data.setdefault(section, {})
        for depth, key in enumerate(keys):
            if not isinstance(value_now, dict):
                raise BadReference(f"cannot override `{name}`", f"`{'.'.join([section, *keys[:depth]])}` is no mapping")
            holder, value_now = value_now, value_now.get(key)
        if isinstance(value_now, (dict, list)) and section != "vars":
            raise BadReference(f"cannot override `{name}`", "only a plain value can be overridden")
        if keys[-1] not in holder:
            added.append(name)
        holder[keys[-1]] = value
    return added

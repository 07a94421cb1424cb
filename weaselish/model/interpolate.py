"""Replace `${vars.x}`, `${env.X}`, `${project.title}` and `${matrix.x}` in project.yml, and apply overrides.

References to vars and project are replaced when the project is read. Each string is replaced separately, and the result
is never parsed again. References to env stay, as `${env.X}`, until a step is about to start. As in Weasel, `${x}` names
the key `x` beside the text: within `vars` a variable of the same mapping, elsewhere a key at the top level.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weaselish.errors import near_match
from weaselish.model.locations import Path
from weaselish.model.settings import SECTION, change_setting
from weaselish.resolved_secrets import MASK as MASK

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ENV = re.compile(r"\$\{env\.([^{}]*)\}")
_SECRET = re.compile(  # in capitals anywhere, else as a separate word: `tokenizer` is not secret
    r"TOKEN|SECRET|PASSWORD|KEY|(?:Token|Secret|Password|Key)(?![a-z])|(?i:api_?key|(?<![a-z])(?:token|secret|password|key)s?(?![a-z]))"
)
_DEEPEST = 50  # levels of variables in variables
_LONGEST_TEXT = 1_000_000  # characters of one text with its references replaced
_MOST_TEXT = 50_000_000  # characters of all of them
SECTIONS = ("vars", "env", "project")


class BadReference(Exception):
    """A reference that cannot be replaced: message and hint. Becomes a `Problem` where the location is known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class BadOverride(BadReference):
    """An override that cannot be applied. `name` is what it overrides, `vars.x`."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(f"cannot override `{name}`", hint)
        self.name = name


def as_text(value: object) -> str:
    """Return a variable's value as text: floats by repr, `true`, `null`, lists as JSON. Raises BadReference."""
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
        self._project = {key: value for key, value in data.items() if key not in ("vars", "env")}
        self._matrix: Mapping[str, str] | None = None  # of the step that is being read
        self._resolving: list[str] = []
        self._resolved: dict[str, str] = {}
        self._written = 0  # characters, of all texts
        self.used: set[str] = set()  # full names of all references

    @contextmanager
    def in_matrix(self, matrix: Mapping[str, str]) -> Iterator[None]:
        """Replace `${matrix.NAME}` by the values of one combination inside the block."""
        self._matrix = matrix
        try:
            yield
        finally:
            self._matrix = None

    def text(self, text: str, at: Path = (), *, in_shell: bool = False) -> str:
        """Return `text`, which is at `at` in project.yml, with its references replaced. Raises BadReference.

        In a shell's line, the shell replaces a `${…}` without a section.
        """
        return self._joined(self._parts(text, at, in_shell=in_shell)) if "${" in text else text

    def _parts(self, text: str, at: Path, *, in_shell: bool) -> Iterator[str]:
        end = 0
        for match in _REFERENCE.finditer(text):
            yield text[end : match.start()]
            yield self._replacement(match, at, in_shell=in_shell)
            end = match.end()
        yield text[end:]

    def _joined(self, parts: Iterator[str]) -> str:
        """Return the parts as one text, unless it or all texts together become too long."""
        kept, length = [], 0
        for part in parts:
            kept.append(part)
            length += len(part)
            self._written += len(part)
            if length > _LONGEST_TEXT or self._written > _MOST_TEXT:
                subject = f"`${{{self._resolving[0]}}}`" if self._resolving else "the text"
                message = f"{subject} has more than {_LONGEST_TEXT:,} characters after replacing its references"
                raise BadReference(message, "do not repeat variables in variables")
        return "".join(kept)

    def _replacement(self, match: re.Match[str], at: Path, *, in_shell: bool) -> str:
        section, *keys = re.split(r"[.:]", match[1].strip())
        if section == "matrix" and match[1].strip().startswith("matrix."):  # not what a shell reads: `${matrix:-x}`
            return self._of_matrix(match[0], ".".join(keys))
        if section not in SECTIONS or not keys:
            if in_shell:
                return match[0]
            if (beside := self._beside(at, section)) is None or keys:
                raise self._without_section(match[0], section, keys)
            section, *keys = beside
        name = ".".join([section, *keys])
        self.used.add(name)
        if section == "env":
            self._check_defined(name, ".".join(keys), self._env)
            return f"${{{name}}}"
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name, keys, self._vars if section == "vars" else self._project)
        return self._resolved[name]

    def _of_matrix(self, written: str, name: str) -> str:
        """Return the value of a variable of the matrix. Variables under `vars` cannot use it: they have one value."""
        if self._matrix is None or self._resolving:
            raise BadReference(f"`{written}` is outside a command with a `matrix`", f"define `{name}` under `vars`")
        if name not in self._matrix:
            close = near_match(name, self._matrix) or next(iter(self._matrix))
            hint = f"did you mean `${{matrix.{close}}}`?"
            raise BadReference(f"the matrix has no `{name}`", hint)
        return self._matrix[name]

    def _beside(self, at: Path, key: str) -> list[str] | None:
        """Return the section and the keys of `key` in the mapping that contains the text at `at`; None if not there.

        A mapping in a list does not count: its texts belong to the mapping that contains the list.
        """
        names = [str(part) for part in itertools.takewhile(lambda part: isinstance(part, str), at)][:-1]
        section, *inner = names if names[:1] == ["vars"] else ["project", *names]
        holder: Any = self._vars if section == "vars" else self._project
        for name in inner:
            holder = holder.get(name) if isinstance(holder, dict) else None
        found = isinstance(holder, dict) and key in holder and not isinstance(holder[key], dict)
        return [section, *inner, key] if found else None

    def _without_section(self, written: str, section: str, keys: list[str]) -> BadReference:
        """Return the error for a reference that does not begin with a section, and suggest one that exists."""
        sections: dict[str, Mapping[str, Any]] = {"vars": self._vars, "env": self._env, "project": self._project}
        if self._matrix is not None:
            sections = {"matrix": self._matrix, **sections}
        key = ".".join(keys) or section
        names = {f"{name}.{defined}": str(defined) for name, values in sections.items() for defined in values}
        same = [name for name, defined in names.items() if defined == key.partition(".")[0]]
        close = same[0] if same else near_match(key, names.values())
        suggestion = close if same else next((name for name, defined in names.items() if defined == close), None)
        *others, last = [f"`{name}.`" for name in sections]
        hint = f"references begin with {', '.join(others)} or {last}"
        return BadReference(
            f"`{written}` names nothing", f"{hint}: did you mean `${{{suggestion}}}`?" if suggestion else hint
        )

    def _resolve(self, name: str, keys: list[str], values: Mapping[str, Any]) -> str:
        if name in self._resolving:
            circle = " → ".join([*self._resolving[self._resolving.index(name) :], name])
            raise BadReference(f"`${{{name}}}` contains itself: {circle}")
        if len(self._resolving) > _DEEPEST:
            raise BadReference(f"`${{{name}}}` is the end of a chain of more than {_DEEPEST} variables")
        value: Any = values
        for depth, key in enumerate(keys):
            defined = value if isinstance(value, dict) else {}
            self._check_defined(name, key, defined, ".".join([name.split(".")[0], *keys[:depth]]))
            value = defined[key]
        self._resolving.append(name)
        try:
            return as_text(self.tree(value, tuple(keys) if name.startswith("project.") else ("vars", *keys)))
        finally:
            self._resolving.pop()

    @staticmethod
    def _check_defined(name: str, key: str, defined: Mapping[str, Any], where: str | None = None) -> None:
        if key in defined:
            return
        where = where or name.split(".")[0]
        close = near_match(key, defined)
        hint = f"did you mean `${{{where}.{close}}}`?" if close else f"define `{key}` under `{where}`"
        raise BadReference(f"unknown variable `${{{name}}}`", hint)

    def tree(self, value: Any, at: Path = ()) -> Any:
        """Return `value`, which is at `at`, with the references in all its texts replaced; keys stay."""
        if isinstance(value, str):
            return self.text(value, at)
        if isinstance(value, list):
            return [self.tree(item, (*at, index)) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self.tree(item, (*at, key)) for key, item in value.items()}
        return value


def env_names(texts: tuple[str, ...] | list[str]) -> set[str]:
    """Return the X of each `${env.X}` in the texts."""
    return {name for text in texts if "${env." in text for name in _ENV.findall(text)}


def put_env(text: str, value_of: Callable[[str], str | None]) -> str:
    """Return `text` with each `${env.X}` replaced by the value of X, or by nothing if that is None."""
    if "${env." not in text:
        return text
    return _ENV.sub(lambda match: value_of(match[1]) or "", text)


def is_secret(name: str) -> bool:
    """Return whether a variable's name says that its value must not be shown."""
    return _SECRET.search(name) is not None


def override(data: dict[str, Any], overrides: Mapping[str, str]) -> list[str]:
    """Set `vars.x` → text in `data`. Return the names that `data` did not have. Raises BadOverride.

    `env.X` → text is left to the reader of the environment: the values of `${env.X}` are not in `data`.
    `commands.NAME.KEY` → text changes a setting of a command, and raises BadSetting if it cannot.
    """
    added = []
    for name, value in overrides.items():
        section, *keys = name.split(".")
        if section == SECTION and len(keys) > 1:
            change_setting(data, name, value)
            continue
        if section not in SECTIONS or not keys:
            close = near_match(section, SECTIONS) or "vars"
            raise BadOverride(name, f"overrides are `--vars.NAME VALUE`: did you mean `--{close}.…`?")
        if section == "env":
            continue
        present: Any = data if section == "project" else data.setdefault(section, {})
        for depth, key in enumerate(keys):
            if not isinstance(present, dict):
                raise BadOverride(name, f"`{'.'.join([section, *keys[:depth]])}` is not a mapping")
            holder, present = present, present.get(key)
        if isinstance(present, (dict, list)) and section != "vars":
            raise BadOverride(name, "only a single value can be overridden")
        if keys[-1] not in holder:
            added.append(name)
        holder[keys[-1]] = value
    return added

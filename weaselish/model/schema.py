"""Check the data of project.yml against the JSON Schema, and explain each violation in words of project.yml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pkgutil import get_data
from typing import TYPE_CHECKING, Any

from weaselish.errors import near_match
from weaselish.model.interpolate import is_secret
from weaselish.model.locations import Path
from weaselish.model.secret_refs import SECRET_KEYS, literal_secret
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_NAMES = {
    "string": "text",
    "array": "a list",
    "object": "a mapping",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_TOP_LEVEL_LIST = "write `commands:` in a line above it, and indent the list"
_NO_SECRETS = (
    "never put a secret here: `proj remote add` stores it outside, or `auth: {type: bearer, token: env:NAME}` names it"
)
_LINES = "`script` lists the lines to run"
_PARAMS = "put values under `vars` at the top, and `${vars.NAME}` into the script: another value is a reason to run"
_DEPS = "`deps` lists what the script reads; the command that writes a dep runs first"
_OUTPUTS = "`outputs` lists what the script writes"
KEYS_OF_OTHER_TOOLS = {  # of a stage, rule, task or step
    "args": _LINES,
    "cmd": _LINES,
    "cmds": _LINES,
    "run": _LINES,
    "depends_on": _DEPS,
    "foreach": "`matrix` runs a command once for each combination of values",
    "generates": _OUTPUTS,
    "if": "no step is conditional: leave steps out with `--only`, `--from` and `--until`",
    "input": _DEPS,
    "inputs": _DEPS,
    "needs": _DEPS,
    "outs": _OUTPUTS,
    "params": _PARAMS,
    "sources": _DEPS,
    "wdir": "`workdir` is the directory in which the script runs",
}
EMPTY_DEST = "name the path, or remove the asset"
_LONGEST = 60  # characters of a value in a message


class Violation(NamedTuple):
    path: Path
    message: str
    hint: str | None = None
    of_key: bool = False  # the key at `path` is wrong, not its value


def violations(data: object) -> Iterator[Violation]:
    """Yield each violation of the schema."""
    from jsonschema_rs import Draft202012Validator

    schema = _schema()
    for error in Draft202012Validator(schema).iter_errors(data):
        yield from _explained(error, data, schema)


def top_level_keys() -> list[str]:
    """Return the keys that project.yml may have, without those that begin with `x-`."""
    return list(_schema()["properties"])


def schema_text() -> str:
    """Return the JSON Schema of project.yml."""
    data = get_data("weaselish.model", "schema.json")
    assert data is not None, "the package contains it"
    return data.decode()


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


def _explained(error: ValidationError, data: object, schema: object) -> Iterator[Violation]:
    path: Path = tuple(error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        keys = list(_at(schema, error.schema_path[:-1])["properties"])
        for key in kind.unexpected:
            yield Violation((*path, key), f"unknown key `{key}`", _key_hint(key, keys, path), of_key=True)
    elif kind.name == "required":
        yield Violation(path, f"{_subject(path)} needs `{kind.property}`")
    elif _may_be_secret(path):
        refusal = literal_secret(str(path[-1]))
        yield Violation(path, refusal.message, refusal.hint)
    else:
        message, hint = _wrong_value(kind.name, path, _at(schema, error.schema_path), _at(data, path))
        yield Violation(path, f"{_subject(path)} {message}", hint)


def _key_hint(key: str, keys: list[str], path: Path) -> str:
    if path[0] == "remotes" and is_secret(key):
        return _NO_SECRETS
    if path[0] == "commands" and len(path) == 2 and key in KEYS_OF_OTHER_TOOLS:
        return KEYS_OF_OTHER_TOOLS[key]
    close = near_match(key, keys)
    return f"did you mean `{close}`?" if close else "valid keys are " + ", ".join(keys)


def _at(data: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def _wrong_value(kind: str, path: Path, expected: Any, value: object) -> tuple[str, str | None]:
    """Return what is wrong with a value, without its subject, and a hint."""
    match kind:
        case "type" if "number" in expected and isinstance(value, float):
            return f"must be a finite number, not {_shown(value)}", None
        case "type":
            hint = _type_hint(expected, value) if path or not isinstance(value, list) else _TOP_LEVEL_LIST
            return f"must be {_expected(expected)}, not {_shown(value)}", hint
        case "enum":
            return _wrong_choice(expected, value)
        case "minLength" | "minItems" | "minProperties":
            return "must not be empty", EMPTY_DEST if path[-1] == "dest" else None
        case "minimum" if expected == 0 and path[-1] not in ("retries",):
            return f"must not be negative: {_shown(value)}", None
        case "minimum" | "maximum":
            return f"must be from 0 to 1000, not {_shown(value)}", None
    if path[-1] in ("timeout", "queue_timeout"):
        return f"must be a time, not {_shown(value)}", "for example `90s`, `15m`, `2h`"
    if value == "":
        return "must not be empty", "leave the key out"
    return f"is not a valid checksum: {_shown(value)}", "write 32 hex digits for an MD5, or `sha256:` and 64 hex digits"


def _wrong_choice(choices: list[object], value: object) -> tuple[str, str | None]:
    if True in choices:
        return f"must be {_NAMES['boolean']}, not {_shown(value)}", None
    words = [str(choice) for choice in choices]
    close = near_match(str(value), words)
    hint = f"did you mean `{close}`?" if close else None
    return f"must be {' or '.join(f'`{word}`' for word in words)}, not {_shown(value)}", hint


def _subject(path: Path) -> str:
    """Return how a message names the value at a path: "`name`", "an entry of `script`", "project.yml"."""
    if not path:
        return "project.yml"
    names = [part for part in path if isinstance(part, str)]
    if path[0] in ("commands", "assets") and len(path) == 2:
        return "a command" if path[0] == "commands" else "an asset"
    if isinstance(path[-1], int):
        return f"an entry of `{names[-1]}`"
    return f"`{path[-1]}`"


def _expected(types: str | list[str]) -> str:
    names = [types] if isinstance(types, str) else types
    return " or ".join(_NAMES[name] for name in names if name != "null")


def _may_be_secret(path: Path) -> bool:
    """Return whether a message must not show the value at a path."""
    return path[:1] == ("remotes",) and path[2:3] == ("auth",) and (len(path) == 3 or path[3] in SECRET_KEYS)


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}`"


def _type_hint(types: str | list[str], value: object) -> str | None:
    expected = [types] if isinstance(types, str) else types
    if value is None:
        return "leave the key out, or give it a value"
    if "string" in expected and isinstance(value, (int, float)):
        return f'did you forget quotes? "{json.dumps(value)}"'
    if "string" in expected and isinstance(value, dict) and len(value) == 1:
        return "did you forget quotes? `: ` in a text without quotes makes it a mapping"
    if "array" in expected and "object" in expected:
        return "for example `{lang: [de, en], size: [sm, lg]}`"
    if "array" in expected and isinstance(value, str) and len(value) <= _LONGEST:
        return f"write a list: [{json.dumps(value, ensure_ascii=False)}]"
    return None

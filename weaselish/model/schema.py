"""project.yml's data against the JSON Schema: every violation in words of project.yml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pkgutil import get_data
from typing import TYPE_CHECKING, Any

from weaselish.errors import near_match
from weaselish.model.interpolate import is_secret
from weaselish.model.locations import Path

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


def violations(data: object) -> Iterator[tuple[Path, bool, str, str | None]]:
    """(path, whether the key at that path is meant, message, hint) for all that the schema does not allow."""
    from jsonschema_rs import Draft202012Validator

    schema = _schema()
    for error in Draft202012Validator(schema).iter_errors(data):
        yield from _explained(error, data, schema)


def known_top_level_keys() -> list[str]:
    return list(_schema()["properties"])


@cache
def _schema() -> dict[str, Any]:
    text = get_data("weaselish.model", "schema.json")
    assert text is not None, "it lies beside this module"
    schema: dict[str, Any] = json.loads(text)
    return schema


def _explained(error: ValidationError, data: object, schema: object) -> Iterator[tuple[Path, bool, str, str | None]]:
    path: Path = tuple(error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        known = list(_at(schema, error.schema_path[:-1])["properties"])
        for key in kind.unexpected:
            yield (*path, key), True, f"unknown key `{key}`", _key_hint(key, known, path)
    elif kind.name == "required":
        yield path, False, f"{_called(path)} needs `{kind.property}`", None
    else:
        expected, value = _at(schema, error.schema_path), _at(data, path)
        yield path, False, *_wrong_value(error, path, expected, value)


def _key_hint(key: str, keys: list[str], path: Path) -> str:
    if path[0] == "remotes" and is_secret(key):
        return "never put a secret here: `proj` takes credentials from the environment or a profile"
    close = near_match(key, keys)
    return f"did you mean `{close}`?" if close else "valid keys are " + ", ".join(keys)


def _at(data: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def _wrong_value(error: ValidationError, path: Path, expected: Any, value: object) -> tuple[str, str | None]:
    called = _called(path)
    kind = error.kind.name
    if kind == "type" and "number" in expected and isinstance(value, float):
        return f"{called} must be a finite number, not {_shown(value)}", None
    if kind == "type":
        hint = _type_hint(expected, value) if path or not isinstance(value, list) else _TOP_LEVEL_LIST
        return f"{called} must be {_expected(expected)}, not {_shown(value)}", hint
    if kind == "enum" and True in expected:
        return f"{called} must be {_NAMES['boolean']}, not {_shown(value)}", None
    if kind == "enum":
        words = [str(word).lower() if isinstance(word, bool) else str(word) for word in expected]
        close = near_match(str(value), words)
        hint = f"did you mean `{close}`?" if close else None
        return f"{called} must be {' or '.join(f'`{word}`' for word in words)}, not {_shown(value)}", hint
    if kind == "minLength":
        return f"{called} must not be empty", None
    if kind in ("minimum", "maximum") and path[-1] == "retries":
        return f"{called} must be from 0 to 1000, not {_shown(value)}", None
    if path[-1] == "timeout":
        return f"{called} must be a time, not {_shown(value)}", "for example `90s`, `15m`, `2h`"
    if path[-1] == "checksum" and value == "":
        return f"{called} must not be empty", "leave the key out"
    if path[-1] == "checksum":
        return (
            f"{called} is no checksum: {_shown(value)}",
            "an MD5 has 32 hex digits; `sha256:` and 64 is also known",
        )
    return f"{called} cannot be {_shown(value)}: {error.message}", None


def _called(path: Path) -> str:
    """What stands at a path, in a reader's words: `script[1]`, `name`; `project.yml` for the whole."""
    if not path:
        return "project.yml"
    names = [part for part in path if isinstance(part, str)]
    if path[0] in ("commands", "assets") and len(path) == 2:
        return "a command" if path[0] == "commands" else "an asset"
    if isinstance(path[-1], int):
        return f"an entry of `{names[-1]}`"
    return f"`{path[-1]}`"


def _expected(types: object) -> str:
    names = [types] if isinstance(types, str) else list(types)  # type: ignore[call-overload]
    return " or ".join(_NAMES[name] for name in names if name != "null")


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def _type_hint(types: object, value: object) -> str | None:
    expected = [types] if isinstance(types, str) else list(types)  # type: ignore[call-overload]
    if value is None:
        return "leave the key out, or give it a value"
    if "string" in expected and isinstance(value, (int, float)):
        return f'did you forget quotes? "{json.dumps(value)}"'
    if "string" in expected and isinstance(value, dict) and len(value) == 1:
        return "did you forget quotes? `: ` in a text without quotes makes it a mapping"
    if "array" in expected and isinstance(value, str):
        return f"write a list: [{json.dumps(value, ensure_ascii=False)}]"
    return None

"""project.yml's data against the JSON Schema: every violation in words of project.yml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from weaselish.errors import near_match
from weaselish.model.places import Path

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_NAMES = {
    "string": "text",
    "array": "a list",
    "object": "a mapping",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def violations(data: object) -> Iterator[tuple[Path, bool, str, str | None]]:
    """(path, whether the key at that path is meant, message, hint) for all that the schema does not allow."""
    from jsonschema import Draft202012Validator

    schema = json.loads(files("weaselish.model").joinpath("schema.json").read_text("utf-8"))
    for error in Draft202012Validator(schema).iter_errors(data):
        yield from _explained(error)


def known_top_level_keys() -> list[str]:
    schema = json.loads(files("weaselish.model").joinpath("schema.json").read_text("utf-8"))
    return list(schema["properties"])


def _explained(error: ValidationError) -> Iterator[tuple[Path, bool, str, str | None]]:
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in value:
            if key not in known and not str(key).startswith("x-"):
                close = near_match(str(key), known)
                hint = f"did you mean `{close}`?" if close else "known are " + ", ".join(known)
                yield (*path, key), True, f"unknown key `{key}`", hint
        return
    if error.validator == "required":
        missing = [key for key in schema["required"] if key not in value]
        yield path, False, f"{_called(path)} needs {' and '.join(f'`{key}`' for key in missing)}", None
        return
    yield path, False, *_wrong_value(error, path, value)


def _wrong_value(error: ValidationError, path: Path, value: object) -> tuple[str, str | None]:
    called = _called(path)
    expected: Any = error.validator_value
    if error.validator == "type":
        return f"{called} must be {_expected(expected)}, not {_shown(value)}", _type_hint(expected, value)
    if error.validator == "enum" and True in expected:
        return f"{called} must be {_NAMES['boolean']}, not {_shown(value)}", None
    if error.validator == "enum":
        words = [str(word).lower() if isinstance(word, bool) else str(word) for word in expected]
        close = near_match(str(value), words)
        hint = f"did you mean `{close}`?" if close else None
        return f"{called} must be {' or '.join(f'`{word}`' for word in words)}, not {_shown(value)}", hint
    if error.validator == "minLength":
        return f"{called} must not be empty", None
    if path[-1] == "timeout":
        return f"{called} must be a time, not {_shown(value)}", "for example `90s`, `15m`, `2h`"
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

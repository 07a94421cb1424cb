"""Write the data of project.lock as PyYAML would, but without PyYAML where no quoting is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"(?:[A-Za-z_/]|\.\.?/)(?:[ -\"$-9;-~]|:(?=[!-~])|(?<=[!-~])#)*(?<! )")
_DIGEST = re.compile(r"[0-9a-f]*[acdf][0-9a-f]*")  # with a letter that no number contains
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # that a version of YAML does not read as text
_LONGEST_KEY = 100  # PyYAML writes longer ones in another way


class _Unusual(Exception):
    """A value that needs PyYAML."""


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return the same as `yaml12.write`."""
    return _mapping(data, "") if data else "{}\n"


def _mapping(data: Mapping[str, Any], indent: str) -> str:
    """Return the lines of a mapping, the first without indentation."""
    return indent.join(_pair(key, value, indent) for key, value in data.items())


def _pair(key: str, value: object, indent: str) -> str:
    try:
        start = f"{_key(key)}:"
        if value and isinstance(value, dict):
            return f"{start}\n{indent}  {_mapping(value, f'{indent}  ')}"
        if value and isinstance(value, list):
            return f"{start}\n" + "".join(f"{indent}- {_item(item, indent)}" for item in value)
        return f"{start} {_scalar(value)}\n"
    except _Unusual:
        from weaselish.files import yaml12

        return re.sub(r"\n(?=[^\n])", f"\n{indent}", yaml12.write({key: value}))


def _item(item: object, indent: str) -> str:
    if item and isinstance(item, dict):
        return _mapping(item, f"{indent}  ")
    if item and isinstance(item, list):
        raise _Unusual
    return f"{_scalar(item)}\n"


def _key(key: object) -> str:
    if not isinstance(key, str) or len(key) > _LONGEST_KEY or not key.isprintable():
        raise _Unusual
    return _scalar(key)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value if _is_plain(value) else _by_pyyaml(value)
    if value is None:
        return "null"
    if type(value) in (bool, int):
        return str(value).lower()
    if isinstance(value, (list, dict)):  # an empty one
        return "[]" if isinstance(value, list) else "{}"
    return _by_pyyaml(value)


def _is_plain(text: str) -> bool:
    """Return whether PyYAML certainly writes a text without quotes."""
    pattern = _DIGEST if text[:1].isdigit() else _PLAIN
    return pattern.fullmatch(text) is not None and text.lower() not in _WORDS


def _by_pyyaml(value: object) -> str:
    from weaselish.files import yaml12

    text = yaml12.write({"": value})  # after `'': `
    if text.count("\n") != 1:
        raise _Unusual
    return text[4:-1]

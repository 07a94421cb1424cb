"""Read the `auth` of a remote: references to secrets, never the secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.model.interpolate import BadReference
from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.secret_refs import (
    SECRET_KEYS,
    Auth,
    AuthType,
    SecretRef,
    is_secret_reference,
    literal_secret,
    parse_secret,
)

_KEYS = {AuthType.BASIC: ("user", "password"), AuthType.BEARER: ("token",), AuthType.API_KEY: ("token",)}


def read_auth(values: Values, path: Path, item: object) -> Auth | None:
    """Read the mapping at `path`, None if it is missing or has a problem."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return None
    kind = AuthType(item["type"])
    found: dict[str, SecretRef | str] = {}
    for key in SECRET_KEYS:
        if key in item and key not in _KEYS[kind]:
            values.problem((*path, key), f"`{key}` means nothing for `type: {kind}`", "remove it", key=True)
        elif key not in item and key in _KEYS[kind]:
            values.problem(path, f"`auth` of `type: {kind}` needs `{key}`")
        elif key in _KEYS[kind] and (value := _value(values, (*path, key), item)) is not None:
            found[key] = value
    if found.keys() != set(_KEYS[kind]):
        return None
    return Auth(kind, **found)  # type: ignore[arg-type]  # only a user may be plain text


def _value(values: Values, path: Path, item: Mapping[str, Any]) -> SecretRef | str | None:
    """Return a reference, or a user's name. A text that may be a secret appears in no message."""
    key, written = str(path[-1]), item[str(path[-1])]
    if not isinstance(written, str):
        return None  # the schema has reported it
    try:
        text = values.interpolator.text(written)
        return text if key == "user" and text and not is_secret_reference(text) else parse_secret(text, key)
    except BadReference as error:
        shown = error if key == "user" or is_secret_reference(written) else literal_secret(key)
        values.problem(path, shown.message, shown.hint)
        return None

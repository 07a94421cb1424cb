"""The user's credentials: credentials.yml beside config.yml. Only its owner may read it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from weaselish.connections.credentials import Credentials
from weaselish.connections.user_config import shown_path
from weaselish.errors import InvalidProject, Problem, ProjError, near_match
from weaselish.files import yaml12
from weaselish.files.text_file import read_limited
from weaselish.files.user_dirs import user_config_dir
from weaselish.model.locations import Locations

FILE = "credentials.yml"
KEYRING: Literal["keyring"] = "keyring"  # in place of the values: they are in the system's keyring
Stored = Mapping[str, str] | Literal["keyring"]

_LARGEST = 1 << 20  # bytes
_FIELDS = Credentials._fields


def credentials_file() -> Path:
    """Return the path of credentials.yml; it may not exist."""
    return user_config_dir() / FILE


def stored_credentials() -> dict[str, Stored]:
    """Return the credentials by name. Raises ProjError if others may read the file, InvalidProject if it is broken."""
    path = credentials_file()
    return parse_credentials(read_private(path), file=shown_path(path))


def read_private(path: Path) -> bytes:
    """Return the bytes of a file with secrets, empty if it does not exist. Raises ProjError if others may read it."""
    if not os.path.lexists(path):
        return b""
    data, shown = read_limited(path, name=shown_path(path), limit=_LARGEST), shown_path(path)
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        message = f"`{shown}` holds secrets, but other users may read or write it (mode {mode:04o})"
        raise ProjError(message, hint=f"chmod 600 {shlex.quote(str(path))}")
    return data


def parse_credentials(text: bytes, *, file: str) -> dict[str, Stored]:
    """Return the credentials in the bytes of credentials.yml. Raises InvalidProject, without any value."""
    try:
        data, locations = yaml12.read(text, file=file, is_kept=lambda path: True)
    except InvalidProject as error:  # PyYAML's messages may repeat a part of a value
        hint = "put each value in quotes, and check the indentation"
        problems = [Problem(one.line, one.column, "this is not valid YAML", hint) for one in error.problems]
        raise InvalidProject(problems, file=file) from None
    if data is None:
        return {}
    problems = list(_problems(data, locations))
    if problems:
        raise InvalidProject(problems, file=file)
    return dict(data)


def _problems(data: Any, locations: Locations) -> Iterator[Problem]:
    if not isinstance(data, dict):
        yield Problem(1, 1, "this must be a mapping of names to credentials", "`lab: {access_key: …, secret_key: …}`")
        return
    for name, fields in data.items():
        if fields == KEYRING:
            continue
        if not isinstance(fields, dict):
            hint = f"`{name}: {{access_key: …, secret_key: …}}`, or `{name}: {KEYRING}`"
            yield Problem(*locations.of((name,)), f"the credentials of `{name}` must be a mapping", hint)
            continue
        for key, value in fields.items():
            if key not in _FIELDS:
                close = near_match(str(key), _FIELDS)
                hint = f"did you mean `{close}`?" if close else f"valid keys are {', '.join(_FIELDS)}"
                yield Problem(*locations.of_key((name, key)), f"`{name}` has an unknown key", hint)
            elif not isinstance(value, str) or not value.isprintable() or not value:
                yield Problem(*locations.of((name, key)), f"`{key}` of `{name}` must be text in one line")

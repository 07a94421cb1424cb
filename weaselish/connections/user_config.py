"""The user's remotes, and the keys of config.yml in the user's configuration directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from weaselish.errors import InvalidProject, Problem, near_match
from weaselish.files import yaml12
from weaselish.files.text_file import read_if_exists
from weaselish.files.user_dirs import user_config_dir
from weaselish.model.locations import Locations
from weaselish.model.parse_remotes import read_remotes
from weaselish.model.parse_values import Values
from weaselish.model.project import Remote

FILE = "config.yml"
_KEYS = ("remotes", "serve")  # weaselish/serve/settings_file.py reads `serve`


def config_file() -> Path:
    """Return the path of config.yml; it may not exist."""
    return user_config_dir() / FILE


def shown_path(path: Path) -> str:
    """Return a path as messages show it: with `~` for the home directory."""
    home = os.path.expanduser("~")
    return f"~{str(path)[len(home) :]}" if home != "/" and str(path).startswith(f"{home}/") else str(path)


def user_remotes() -> dict[str, Remote]:
    """Return the user's remotes by name. Raises InvalidProject with all problems of config.yml, and UsageError."""
    path = config_file()
    if not os.path.lexists(path):
        return {}
    return parse_config(read_if_exists(path, name=shown_path(path)), file=shown_path(path))


def config_data(text: bytes, *, file: str) -> tuple[dict[str, Any], Locations]:
    """Return the data of config.yml, empty for an empty file. Raises InvalidProject."""
    data, locations = yaml12.read(text, file=file)
    if data is None:
        return {}, locations
    if not isinstance(data, dict):
        raise InvalidProject([Problem(1, 1, "config.yml must be a mapping", "begin with `remotes:`")], file=file)
    return data, locations


def parse_config(text: bytes, *, file: str) -> dict[str, Remote]:
    """Return the remotes in the bytes of config.yml. Raises InvalidProject with all its problems."""
    data, locations = config_data(text, file=file)
    values = Values({"remotes": data["remotes"]} if "remotes" in data else {}, locations, {})
    remotes = read_remotes(values)
    problems = [*_unknown_keys(data, locations), *_variables(data, locations)]
    problems += [_relative(name, locations) for name, remote in remotes.items() if _is_relative(remote.url)]
    if not problems:
        problems = [problem for problem in values.problems if not problem.is_warning]
    if problems:
        raise InvalidProject([problem._replace(confined_to=None) for problem in problems], file=file)
    return {name: remote._replace(is_users=True) for name, remote in remotes.items()}


def _is_relative(url: str) -> bool:
    return bool(url) and "://" not in url and not url.startswith(("/", "~"))


def _relative(name: str, locations: Locations) -> Problem:
    path = ("remotes", name, "url") if ("remotes", name, "url") in locations.values else ("remotes", name)
    return Problem(*locations.of(path), "the path of a user's remote must be absolute", "begin it with `/` or `~/`")


def _unknown_keys(data: Mapping[str, Any], locations: Locations) -> Iterator[Problem]:
    for key in data:
        if key not in _KEYS and not str(key).startswith("x-"):
            close = near_match(str(key), _KEYS)
            hint = f"did you mean `{close}`?" if close else "the keys are `remotes` and `serve`"
            yield Problem(*locations.of_key((key,)), f"unknown key `{key}`", hint)


def _variables(data: Mapping[str, Any], locations: Locations) -> Iterator[Problem]:
    """Yield a problem for each text with `${`: only project.yml has variables."""
    remotes = data.get("remotes")
    for name, item in remotes.items() if isinstance(remotes, dict) else ():
        texts = item.items() if isinstance(item, dict) else [(None, item)]
        for key, text in texts:
            if isinstance(text, str) and "${" in text:
                path = ("remotes", name) if key is None else ("remotes", name, key)
                hint = "write the value itself; environment variables such as PROJ_REMOTE_NAME_URL take precedence"
                yield Problem(*locations.of(path), "`${…}` is replaced only in project.yml", hint)

"""Environment variables that set a setting of a remote: PROJ_REMOTE_<NAME>_<SETTING>."""

from __future__ import annotations

import os
import re
from typing import Any

from weaselish.model.project import Remote

SETTINGS = ("url", "endpoint_url", "profile", "region")  # of a remote; the other variables are about credentials


def variable(name: str, setting: str) -> str:
    """Return the environment variable for a setting of a remote: `PROJ_REMOTE_LAB_TOKEN`."""
    return f"PROJ_REMOTE_{re.sub('[^A-Z0-9]', '_', name.upper())}_{setting.upper()}"


def given_in_environment(name: str, settings: tuple[str, ...]) -> dict[str, str]:
    """Return the values that environment variables have for settings of a remote. An empty one counts as unset."""
    return {setting: value for setting in settings if (value := os.environ.get(variable(name, setting)))}


def with_variables(remote: Remote) -> Remote:
    """Return the remote with the settings that environment variables have."""
    given: Any = given_in_environment(remote.name, SETTINGS)
    return remote._replace(**given)


def from_variables(name: str) -> Remote | None:
    """Return the remote that environment variables define alone, by its URL: for CI, which has no configuration."""
    remote = with_variables(Remote(name, ""))
    return remote if remote.url else None

"""The user's own directories: of the run cache, of the user's configuration, and of the dashboard's data."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache_dir() -> Path:
    """Return the directory of the user's run cache: PROJ_CACHE_DIR, else `proj` in the platform's cache directory."""
    if given := os.environ.get("PROJ_CACHE_DIR"):
        return Path(given).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("proj", appauthor=False)


def user_config_dir() -> Path:
    """Return the directory of the user's configuration: PROJ_CONFIG_DIR, else `proj` in the platform's directory."""
    if given := os.environ.get("PROJ_CONFIG_DIR"):
        return Path(given).absolute()
    from platformdirs import user_config_path

    return user_config_path("proj", appauthor=False)


def user_data_dir() -> Path:
    """Return the directory of the user's data: PROJ_DATA_DIR, else `proj` in the platform's directory."""
    if given := os.environ.get("PROJ_DATA_DIR"):
        return Path(given).absolute()
    from platformdirs import user_data_path

    return user_data_path("proj", appauthor=False)

"""The user's own directories: where the run cache that all projects share is kept."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache_dir() -> Path:
    """Return the directory of the user's run cache: PROJ_CACHE_DIR, else `proj` in the platform's cache directory."""
    if given := os.environ.get("PROJ_CACHE_DIR"):
        return Path(given).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("proj", appauthor=False)

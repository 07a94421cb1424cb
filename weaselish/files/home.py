"""Home directories, which `~` and `~USER` stand for."""

from __future__ import annotations

import os

from weaselish.errors import StoreError


def home_directory() -> str | None:
    """Return this user's home directory; None if neither HOME nor the system's list of users names one."""
    home = os.path.expanduser("~")
    return home if os.path.isabs(home) else None


def put_home(path: str) -> str:
    """Return the path of a remote with the home directory in place of a leading `~`. Raises StoreError."""
    full = os.path.expanduser(path)
    if not full.startswith("~"):
        return full
    user = path.split("/", 1)[0][1:]
    if user:
        raise StoreError(f"`{path}`: there is no user `{user}` here", hint=f"a directory of that name is `./{path}`")
    raise StoreError(f"`{path}`: your home directory is not known", hint="set HOME, or write an absolute path")

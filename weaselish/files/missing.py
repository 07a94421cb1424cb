"""Finds the likely cause of a missing path, for a message."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.model.paths import fixed_part, is_glob


def missing_cause(root: Path, path: str, cancel: Cancel) -> str | None:
    """Return in one sentence why `path` (or any match of a glob) is missing; None if no cause is likely.

    Raises Cancelled.
    """
    literal = fixed_part(path) if is_glob(path) else path
    if os.path.lexists(root / literal):
        return _unreadable_match(root, path, cancel) if is_glob(path) else _dangling(root, literal)
    directory = Path("/") if literal.startswith("/") else Path()
    for name in literal.strip("/").split("/"):
        if not os.path.lexists(root / directory / name):
            return _cause_in(root, directory, name, literal)
        if cause := _dangling(root, str(directory / name)):
            return cause
        directory = directory / name
    return _cause_in(root, directory.parent, directory.name, literal)


def _dangling(root: Path, path: str) -> str | None:
    full = root / path
    if full.is_symlink() and not os.path.exists(full):
        return f"`{path}` is a link to `{os.readlink(full)}`, which does not exist or cannot be read"
    return None


def _cause_in(root: Path, directory: Path, name: str, path: str) -> str | None:
    """Return why a directory seems to lack a name."""
    full = root / directory
    if full.exists() and not full.is_dir():
        return f"`{directory}` is a file, not a directory"
    try:
        os.stat(full / name)
        names = os.listdir(full)
    except FileNotFoundError:
        names = os.listdir(full) if os.access(full, os.R_OK) else []
    except OSError as error:
        return f"the directory `{directory}` cannot be read: {error.strerror}"
    if "\\" in path and os.path.lexists(root / path.replace("\\", "/")):
        return f"`{path.replace(chr(92), '/')}` exists: write `/` between names"
    return _similar(directory, name, names)


def _similar(directory: Path, name: str, names: list[str]) -> str | None:
    for other in names:
        shown = f"`{directory / other}` exists"
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
            return f"{shown}: it looks the same, but its letters are in another Unicode normal form"
        if other.casefold() == name.casefold():
            return f"{shown}: upper and lower case differ"
    return None


def _unreadable_match(root: Path, glob: str, cancel: Cancel) -> str | None:
    from weaselish.files.globs import GlobWalk

    walk = GlobWalk(root, glob, cancel)
    if any(True for _ in walk.matches()) or not walk.unreadable:
        return None
    return f"the directory `{min(walk.unreadable)}` cannot be read"

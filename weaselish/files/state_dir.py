"""`.proj`, the directory of a project's own state. It ignores itself for git."""

from __future__ import annotations

from pathlib import Path

from weaselish.errors import ProjError
from weaselish.files.atomic import write_atomically

STATE = ".proj"


def make_state_dir(root: Path) -> Path:
    """Create `.proj` and its folders where they are missing. Only subcommands that change something call this.

    Raises ProjError and OSError.
    """
    state = root / STATE
    for name in ("cache", "runs", "locks", "logs"):
        try:
            (state / name).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            file = state / name if state.is_dir() else state
            raise ProjError(f"`{file.relative_to(root)}` is not a directory", hint="remove or rename it") from None
    ignore = state / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, [b"*\n"])
    return state


def cache_dir(root: Path) -> Path | None:
    """Return `.proj/cache` if it exists. Subcommands that only report may write into it but never create it."""
    cache = root / STATE / "cache"
    return cache if cache.is_dir() else None

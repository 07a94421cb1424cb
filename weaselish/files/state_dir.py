"""`.proj`, the directory of a project's own state. It ignores itself for git."""

from __future__ import annotations

from pathlib import Path

from weaselish.files.atomic import write_atomically

STATE = ".proj"


def make_state_dir(root: Path) -> Path:
    """Create `.proj` and its folders where they are missing. Only subcommands that change something call this."""
    state = root / STATE
    for name in ("cache", "runs", "locks", "logs"):
        (state / name).mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, [b"*\n"])
    return state


def cache_dir(root: Path) -> Path | None:
    """Return `.proj/cache` if it exists. Subcommands that only report may write into it but never create it."""
    cache = root / STATE / "cache"
    return cache if cache.is_dir() else None

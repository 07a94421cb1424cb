"""`.proj`: where proj keeps what it knows of a project. It ignores itself for git."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weaselish.errors import ProjError

STATE = ".proj"


def make_state_dir(root: Path) -> Path:
    """`.proj` with its folders, made if need be. Only verbs that change something call this."""
    state = root / STATE
    for name in ("cache", "runs", "locks", "logs"):
        (state / name).mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, [b"*\n"])
    return state


@contextmanager
def writing(what: str) -> Iterator[None]:
    """An OSError in here, as of a full disk, is one that the user is told of: `what` cannot be written."""
    try:
        yield
    except OSError as error:
        raise ProjError(f"{what} cannot be written: {error.strerror or error}") from error


def cache_dir(root: Path) -> Path | None:
    """`.proj/cache`, if it exists: questions may write there, but create nothing."""
    cache = root / STATE / "cache"
    return cache if cache.is_dir() else None


def write_atomically(path: Path, chunks: Iterable[bytes], *, durable: bool = False) -> None:
    """Replace a file whole: readers see the old bytes or the new ones. `durable`: also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            for chunk in chunks:
                file.write(chunk)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

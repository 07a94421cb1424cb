"""Atomic writes: a reader of a file sees its old bytes or its new ones, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weaselish.errors import ProjError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Translate an OSError of the block, such as a full disk, into a ProjError: `what` cannot be written."""
    try:
        yield
    except OSError as error:
        raise ProjError(f"{what} cannot be written: {error.strerror or error}") from error


def write_atomically(path: Path, chunks: Iterable[bytes], *, durable: bool = False) -> None:
    """Replace a file in one step. `durable`: its new bytes also survive a power cut. Raises OSError."""
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
    """Flush a directory's entries to the disk. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""Staging directories beside files and directories that are about to be replaced.

A staging directory may be in a directory that a step reads. So a process notes its staging directories, in files of
the state directory that it locks, and a later process removes those of a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.files.remove import remove
from weaselish.files.swap import beside, is_staging_name


@contextmanager
def staging_directory(target: Path, notes: Path | None = None) -> Iterator[Path]:
    """Yield an empty directory beside `target` in which to write its successor; remove it after the block.

    During the block, a note of it is in the directory `notes`, for `remove_abandoned`.
    """
    with staging_directories([target], notes) as [directory]:
        yield directory


@contextmanager
def staging_directories(targets: Sequence[Path], notes: Path | None) -> Iterator[list[Path]]:
    """Yield a staging directory for each target. One note names them all, so it costs one descriptor."""
    directories = [beside(target, "new") for target in targets]
    with ExitStack() as stack:
        if notes is not None:
            stack.enter_context(_noted(directories, notes))
        for target, directory in zip(targets, directories, strict=True):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                directory.mkdir(mode=0o700)
            except OSError as error:
                raise ProjError(f"cannot write beside `{target}`: {error.strerror}") from error
            stack.callback(remove, directory)
        yield directories


@contextmanager
def _noted(directories: Sequence[Path], notes: Path) -> Iterator[None]:
    """Keep a note of directories for the block, locked. Without one, `recover` removes what a kill leaves."""
    note = notes / os.urandom(8).hex()
    new = note.with_suffix(".new")  # until it is locked
    descriptor = None
    with suppress(OSError):  # the file system may be full, or have no locks
        notes.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.write_bytes(b"\0".join(os.fsencode(directory.absolute()) for directory in directories))
        new.rename(note)
    try:
        yield
    finally:
        if descriptor is not None:
            for path in (note, new):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            os.close(descriptor)


def remove_abandoned(notes: Path) -> bool:
    """Remove the staging directories that killed processes left. Return whether there were any."""
    try:
        names = os.listdir(notes)
    except OSError:
        return False
    return sum(_remove_one(notes / name) for name in names if not name.endswith(".new")) > 0


def _remove_one(note: Path) -> bool:
    """Remove the directories that a note names, and the note. Return False if the process that wrote it lives."""
    try:
        descriptor = os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # its process has just removed it
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(descriptor, "rb", closefd=False) as file:
            directories = [Path(os.fsdecode(path)) for path in file.read().split(b"\0")]
        for directory in directories:
            if is_staging_name(directory.name) and directory.is_absolute():
                remove(directory)
        note.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True

"""Keeps what a container must read and no other process may see: the script and the environment of a job, in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from weaselish.files.atomic import writing

_MEMORY = (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")


def folder_of(name: str) -> Path:
    """Return the directory of the container `name`. It is in memory where the system has such a place."""
    places = [place for place in _MEMORY if place and os.access(place, os.W_OK)]
    return Path(places[0] if places else tempfile.gettempdir()) / f"proj-{os.getuid()}" / name


def write_files(name: str, files: Mapping[str, str]) -> Path:
    """Write the files of a container, readable by this user only. Return their directory."""
    folder = folder_of(name)
    with writing(f"`{folder}`"):
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        if folder.parent.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder.parent} belongs to another user")
        folder.mkdir(mode=0o700)
        try:
            for file, text in files.items():
                descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as opened:
                    opened.write(text)
        except BaseException:
            remove_files(name)
            raise
    return folder


def remove_files(name: str) -> None:
    shutil.rmtree(folder_of(name), ignore_errors=True)

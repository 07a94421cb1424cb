"""Assets from local paths and `file://` URLs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from weaselish.cancel import Cancel
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.hashing import BLOCK
from weaselish.files.state_dir import STATE

_STATE = frozenset((".git", ".hg", ".jj", ".svn", STATE))
_STREAM = 1 << 24  # bytes; a smaller file is copied in one call


def copy_local(url: str, root: Path, to: Path, *, target: Path, cancel: Cancel) -> tuple[str, ...]:
    """Copy the file or directory that `url` names, a path relative to `root` or a `file://` URL, to `to`.

    Links are followed. `target` is where the copy will be placed in the end. Returns the paths that were left out
    because they hold the state of version control or of proj: other tools would execute what is in them.
    """
    source = Path(os.path.realpath(root / _local_path(url)))
    place = Path(os.path.realpath(target.parent), target.name)
    if source.is_relative_to(place) or place.is_relative_to(source):
        raise UnsafePath(f"`{url}` and the path to copy it to contain each other")
    if not source.exists():
        raise ProjError(f"`{url}` does not exist", hint="a path is relative to the project's directory")

    def copy(from_file: str, to_file: str) -> str:
        return _copy_file(from_file, to_file, cancel)

    left_out: list[str] = []

    def leave_out(directory: str, names: list[str]) -> list[str]:
        state = [name for name in names if name.casefold() in _STATE]
        left_out.extend(os.path.relpath(os.path.join(directory, name), source) for name in state)
        return state

    try:
        if source.is_dir():
            shutil.copytree(source, to, copy_function=copy, ignore=leave_out)
        else:
            copy(str(source), str(to))
    except OSError as error:  # shutil.Error too, which has no strerror
        raise ProjError(f"cannot copy `{url}`: {error.strerror or 'parts of it cannot be read'}") from None
    return tuple(left_out)


def _copy_file(source: str, to: str, cancel: Cancel) -> str:
    cancel.check()
    if not os.path.isfile(source):  # a pipe would block
        raise OSError(None, "it is not a regular file", source)
    if os.path.getsize(source) <= _STREAM:
        shutil.copyfile(source, to)
    else:
        with open(source, "rb", buffering=0) as reader, open(to, "wb", buffering=0) as writer:
            while block := reader.read(BLOCK):
                cancel.check()
                writer.write(block)
    shutil.copymode(source, to)
    return to


def _local_path(url: str) -> str:
    if "://" not in url:
        return url
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise ProjError(f"`{parts.netloc}` cannot be the host of a `file://` URL", hint="write `file:///` and the path")
    return unquote(parts.path)

"""Links in a checked-out directory: those that lead elsewhere in the repository become copies of their targets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from weaselish.errors import UnsafePath


def resolve_links(repository: Path, path: str, shown: str) -> Path:
    """Replace each link in `repository`/`path` that leaves that path by its target. Return the path without links.

    Raises UnsafePath for a link that leaves the repository. Messages call the repository `shown`.
    """
    top = Path(os.path.realpath(repository))
    content = _target(top / path, top, shown)
    for link in _links(content):
        if not os.path.isabs(os.readlink(link)) and Path(os.path.realpath(link)).is_relative_to(content):
            continue
        target = _target(link, top, shown)
        if content.is_relative_to(target) or any(_links(target)):
            raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` leads to a directory that holds links")
        link.unlink()
        (shutil.copytree if target.is_dir() else shutil.copy)(target, link)
    return content


def _target(link: Path, top: Path, shown: str) -> Path:
    real = Path(os.path.realpath(link))
    if not real.is_relative_to(top):
        raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` is a link that leads out of the repository")
    if not real.exists():
        raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` is a link to a path that does not exist")
    return real


def _links(directory: Path) -> Iterator[Path]:
    for at, directories, files in os.walk(directory):
        yield from (path for name in (*directories, *files) if (path := Path(at, name)).is_symlink())

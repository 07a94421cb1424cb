"""What lies in a directory, as one walk sees it in one of two views.

As a *dep*, links count as what they lead to, and what .projignore names is left out. As an *output*, a link inside is a
link.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from weaselish.errors import ProjError
from weaselish.files.stat_cache import EMPTY_DIRECTORY, Mark, Seen, file_mark, link_mark

View = Literal["dep", "output"]

_IGNORED = frozenset((b"__pycache__", b".ipynb_checkpoints", b".DS_Store"))
_LEFT_BY_A_SWAP = re.compile(rb"\.proj-(new|old|gone)-")
_IGNORED_AT_ROOT = frozenset((b".proj", b".git", b"project.lock"))


class Unreadable(ProjError):
    pass


class Vanished(Unreadable):
    """What was there is not any more: somebody is at work there."""


_Above = tuple[tuple[int, int], ...]  # device and inode of the directories that a link led through


class Walker:
    """Walks directories of one project."""

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._ignored = _projignore(root)

    def walk(self, path: str, top: bytes, view: View) -> Seen:
        """All files, links and empty directories below `top`, each once, paths relative to it, sorted by them."""
        at_root = top == os.path.join(self._root, b".")
        is_dep = view == "dep"
        ignored = self._ignored if is_dep else None
        seen: Seen = []
        pending: list[tuple[bytes, bytes, _Above]] = [(top, b"", ())]
        while pending:
            directory, prefix, above = pending.pop()
            empty = True
            for entry in _scan(directory):
                name = entry.name
                if is_dep and _is_ignored(name, at_top=at_root and not prefix):
                    continue
                relative = prefix + name
                if ignored and ignored(path, relative, _is_dir(entry)):
                    continue
                empty = False
                try:
                    if entry.is_file(follow_symlinks=False):
                        found: Mark | _Above = _mark_of_file(entry)
                    else:
                        found = _other(entry, view, above)
                except OSError as error:
                    raise unreadable(entry.path, "looked at", error) from None
                if isinstance(found, bytes):
                    seen.append((relative, found))
                else:
                    pending.append((entry.path, relative + b"/", found))
            if empty and prefix:
                seen.append((prefix[:-1], EMPTY_DIRECTORY))
        seen.sort()
        return seen


def _other(entry: os.DirEntry[bytes], view: View, above: _Above) -> Mark | _Above:
    """What an entry is that is no plain file: its mark or, for a directory to enter, those that it lies in."""
    is_link = entry.is_symlink()
    if is_link and view == "output":
        return link_mark(os.readlink(entry.path))
    if _is_dir(entry):
        if not is_link and not above:
            return above
        here = entry.stat()
        identity = (here.st_dev, here.st_ino)
        if is_link and (identity in above or _is_above(entry.path, identity)):
            return link_mark(os.readlink(entry.path))
        return (*above, identity)
    try:
        return _mark_of_file(entry)
    except OSError:
        if is_link:  # dangling, or a loop
            return link_mark(os.readlink(entry.path))
        raise


def _mark_of_file(entry: os.DirEntry[bytes]) -> Mark:
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"`{os.fsdecode(entry.path)}` is neither a file, a directory nor a link", hint="remove it")
    return file_mark(status)


def _scan(directory: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise unreadable(directory, "read", error) from None


def unreadable(path: bytes | str, what: str, error: OSError) -> Unreadable:
    kind = Vanished if isinstance(error, (FileNotFoundError, NotADirectoryError)) else Unreadable
    return kind(f"`{os.fsdecode(path)}` cannot be {what}: {error.strerror}")


def _is_ignored(name: bytes, *, at_top: bool) -> bool:
    if name in _IGNORED or (at_top and name in _IGNORED_AT_ROOT):
        return True
    return name.startswith(b".") and _LEFT_BY_A_SWAP.search(name) is not None


def _is_dir(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_above(link: bytes, identity: tuple[int, int]) -> bool:
    """Whether a directory that `link` leads to is one that it lies in."""
    directory = os.path.dirname(link)
    while True:
        status = os.stat(directory)
        if (status.st_dev, status.st_ino) == identity:
            return True
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent


Ignored = Callable[[str, bytes, bool], bool]


def _projignore(root: Path) -> Ignored | None:
    """What .projignore names: a test of (directory, path below it, whether that is a directory)."""
    try:
        lines = (root / ".projignore").read_text("utf-8", "surrogateescape").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda top, path, is_dir: spec.match_file(
        os.path.normpath(f"{top}/{os.fsdecode(path)}") + ("/" if is_dir else "")
    )

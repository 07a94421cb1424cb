"""Walks a directory once and lists everything in it, in one of two views.

In the *dep* view, links count as what they lead to, and names in .projignore are left out. In the *output* view, a
link inside the directory is a link.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Literal

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.files.file_stat import EMPTY_DIRECTORY, Listing, PackedStat, pack_file, pack_link
from weaselish.files.projignore import read_projignore
from weaselish.files.reading import Advance, ignore

View = Literal["dep", "output"]

_IGNORED = frozenset((b"__pycache__", b".ipynb_checkpoints", b".DS_Store"))
_LEFT_BY_A_SWAP = re.compile(rb"\.proj-(new|old|gone)-")
_IGNORED_AT_ROOT = frozenset((b".proj", b".git", b"project.lock"))


class Unreadable(ProjError):
    """A file or directory cannot be read, or is something that has no content, such as a pipe.

    Cure: change its permissions, remove it, or list it in .projignore.
    """


class Vanished(Unreadable):
    """A file or directory disappeared while it was read: another process is at work on it.

    Cure: run again when that process has ended.
    """


class LinkGuard:
    """Decides which links to directories one walk enters, so that every walk ends.

    A walk does not enter a link to a directory that contains the link. Links that lead to each other can still
    multiply: their number is limited.
    """

    most = 1_000_000  # links to directories that one walk enters

    def __init__(self, path: str) -> None:
        self._path = path
        self._entered = 0

    def may_enter(self, link: str | bytes) -> bool:
        """Return whether the walk enters this link to a directory. Raises Unreadable beyond the limit, and OSError."""
        if leads_up(link):
            return False
        self._entered += 1
        if self._entered > self.most:
            raise Unreadable(
                f"`{self._path}` leads through more than {self.most} links to directories",
                hint="links in it lead to each other: remove some, or name the directories that are needed",
            )
        return True


def leads_up(link: str | bytes) -> bool:
    """Return whether a link leads to a directory that contains it. Raises OSError."""
    target = os.stat(link)
    directory = os.path.dirname(link)
    while True:
        status = os.stat(directory)
        if (status.st_dev, status.st_ino) == (target.st_dev, target.st_ino):
            return True
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent


class Walker:
    """Walks directories of one project. `cancel` is checked once per directory."""

    def __init__(self, root: Path, cancel: Cancel) -> None:
        self._root = os.fsencode(root)
        self._cancel = cancel
        self._ignored = read_projignore(root)

    def walk(self, path: str, top: bytes, view: View, advance: Advance = ignore) -> Listing:
        """List all files, links and empty directories below `top`, sorted by their paths relative to it.

        `path` is that of `top` in the project. `advance` gets the number of files listed in each directory. Raises
        Unreadable and Cancelled.
        """
        at_root = top == os.path.join(self._root, b".")
        guard = LinkGuard(path) if view == "dep" else None
        listing: Listing = []
        pending = [(top, b"")]
        while pending:
            self._cancel.check()
            directory, prefix = pending.pop()
            is_empty = True
            before = len(listing)
            for entry in _scan(directory):
                if guard and self._is_ignored(entry, path, prefix, at_top=at_root and not prefix):
                    continue
                is_empty = False
                relative = prefix + entry.name
                packed = _packed(entry, guard)
                if packed is None:
                    pending.append((entry.path, relative + b"/"))
                else:
                    listing.append((relative, packed))
            if is_empty and prefix:
                listing.append((prefix[:-1], EMPTY_DIRECTORY))
            advance(len(listing) - before)
        listing.sort()
        return listing

    def _is_ignored(self, entry: os.DirEntry[bytes], path: str, prefix: bytes, *, at_top: bool) -> bool:
        name = entry.name
        if name in _IGNORED or (at_top and name in _IGNORED_AT_ROOT):
            return True
        if name.startswith(b".") and _LEFT_BY_A_SWAP.search(name):
            return True
        return self._ignored is not None and self._ignored(path, prefix + name, _is_dir(entry))


def _packed(entry: os.DirEntry[bytes], guard: LinkGuard | None) -> PackedStat | None:
    """Return the packed stat of an entry; None for a directory to enter. Without a guard, no link is followed."""
    try:
        if entry.is_file(follow_symlinks=False):
            return _packed_file(entry)
        if not entry.is_symlink():
            return None if _is_dir(entry) else _packed_file(entry)
        return pack_link(os.readlink(entry.path)) if guard is None else _followed(entry, guard)
    except OSError as error:
        raise unreadable(entry.path, "read", error) from None


def _followed(link: os.DirEntry[bytes], guard: LinkGuard) -> PackedStat | None:
    """Return the packed stat of what a link leads to. A link that leads nowhere or upwards stays a link."""
    if _is_dir(link):
        return None if guard.may_enter(link.path) else pack_link(os.readlink(link.path))
    try:
        return _packed_file(link)
    except OSError:  # it is dangling, or leads to itself
        return pack_link(os.readlink(link.path))


def _packed_file(entry: os.DirEntry[bytes]) -> PackedStat:
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"`{os.fsdecode(entry.path)}` is neither a file, a directory nor a link", hint="remove it")
    return pack_file(status)


def _scan(directory: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise unreadable(directory, "read", error) from None


def unreadable(path: bytes | str, what: str, error: OSError) -> Unreadable:
    """Return the error for a path that cannot be `what`."""
    kind = Vanished if isinstance(error, (FileNotFoundError, NotADirectoryError)) else Unreadable
    return kind(f"`{os.fsdecode(path)}` cannot be {what}: {error.strerror}")


def _is_dir(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False

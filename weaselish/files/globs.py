"""Matches of a glob on disk: as Python's glob, but each directory is read once and no loop of links is followed."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.files.reading import Advance, ignore
from weaselish.files.walk import LinkGuard
from weaselish.model.paths import is_glob

_RECURSIVE = "**"


class GlobWalk:
    """Finds the matches of one glob below `root`. `cancel` is checked once per directory.
    `advance` gets the number of names that may match in each.

    As in Python, `**` stands for any number of directories, and wildcards match a hidden name only if the pattern
    begins with a dot. Wildcards enter links to directories unless such a link leads to a directory that contains it.
    A directory that cannot be read has no matches; `unreadable` lists these directories.
    """

    def __init__(self, root: Path, glob: str, cancel: Cancel, advance: Advance = ignore) -> None:
        self._root = os.fspath(root)
        self._cancel = cancel
        self._advance = advance
        self._guard = LinkGuard(glob)
        names = glob.split("/")
        first = next((index for index, name in enumerate(names) if is_glob(name)), len(names))
        self._top = "/".join(names[:first]) or ("/" if glob.startswith("/") else "")
        self._parts = names[first:]
        self._patterns = [re.compile(fnmatch.translate(name)) for name in self._parts]
        self._end = len(self._parts)  # the state of a path that has matched all parts
        self.unreadable: list[str] = []

    def matches(self) -> Iterator[str]:
        """Yield each match once, relative to the root, in no order. Raises Unreadable and Cancelled."""
        states = self._without_recursion({0})
        if self._end in states and self._top and os.path.isdir(self._full(self._top)):
            yield self._top
        pending = [(self._top, states)]
        while pending:
            self._cancel.check()
            directory, states = pending.pop()
            children = self._children(directory, states)
            self._advance(len(children))
            for name, reached in children.items():
                path = os.path.join(directory, name)
                following = self._without_recursion(reached)
                if self._end in reached or (self._end in following and os.path.isdir(self._full(path))):
                    yield path
                if following - {self._end}:
                    pending.append((path, following))

    def _children(self, directory: str, states: set[int]) -> dict[str, set[int]]:
        """Return the names in a directory that match, with the indexes of the parts that may come next."""
        children: dict[str, set[int]] = {}
        wildcards = [index for index in states if index < self._end and is_glob(self._parts[index])]
        for index in states.difference(wildcards, {self._end}):
            if os.path.lexists(self._full(os.path.join(directory, self._parts[index]))):
                children.setdefault(self._parts[index], set()).add(index + 1)
        if wildcards:
            for entry in self._scan(directory):
                if reached := self._reached(entry, wildcards):
                    children.setdefault(entry.name, set()).update(reached)
        return children

    def _reached(self, entry: os.DirEntry[str], wildcards: list[int]) -> set[int]:
        reached = set()
        for index in wildcards:
            part = self._parts[index]
            if entry.name.startswith(".") and not part.startswith("."):
                continue
            if part == _RECURSIVE:
                reached |= {index, index + 1} if index + 1 == self._end else {index}
            elif self._patterns[index].fullmatch(entry.name):
                reached.add(index + 1)
        if reached - {self._end} and not self._may_enter(entry):
            reached &= {self._end}
        return reached

    def _without_recursion(self, states: set[int]) -> set[int]:
        """Add the states in which each `**` stands for no directory."""
        closed = set(states)
        for index, part in enumerate(self._parts):
            if index in closed and part == _RECURSIVE:
                closed.add(index + 1)
        return closed

    def _may_enter(self, entry: os.DirEntry[str]) -> bool:
        with suppress(OSError):
            return entry.is_dir() and (not entry.is_symlink() or self._guard.may_enter(entry.path))
        return False

    def _scan(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._full(directory)) as entries:
                return list(entries)
        except PermissionError:
            self.unreadable.append(directory)
        except OSError:  # it is not a directory, or has vanished
            pass
        return []

    def _full(self, path: str) -> str:
        return os.path.join(self._root, path)

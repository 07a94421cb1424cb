"""Paths of project.yml as text: normalising, globs, and which overlap. No file is looked at."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache

_MAGIC = re.compile(r"[*?\[]")


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: bytes of the environment or of argv that are not come as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def normalise(path: str) -> str:
    """`/` between names, no `./`, no trailing slash. `..` is resolved; what leads out begins with `..` or `/`."""
    return posixpath.normpath(path) if path else path


def leaves_project(path: str) -> bool:
    """Whether a normalised path is absolute or climbs out of the project."""
    return path == ".." or path.startswith(("/", "../"))


def is_glob(path: str) -> bool:
    return _MAGIC.search(path) is not None


def fixed_part(glob: str) -> str:
    """The directory that all matches of a glob lie below: its names before the first one with magic."""
    names = glob.split("/")
    for index, name in enumerate(names):
        if is_glob(name):
            return "/".join(names[:index]) or "."
    return glob


def inside(path: str, directory: str) -> bool:
    """Whether `path` equals `directory` or lies in it."""
    return directory == "." or path == directory or path.startswith(directory + "/")


def overlap(one: str, other: str) -> bool:
    """Whether two paths are equal or one lies inside the other."""
    return inside(one, other) or inside(other, one)


class PathIndex:
    """A set of normalised paths, of which those that overlap with another path are found without asking each."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._inside: dict[str, dict[str, None]] = {}  # path or directory -> those that equal it or lie in it
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        for place in (*ancestors(path), path):
            self._inside.setdefault(place, {})[path] = None

    def discard(self, path: str) -> None:
        for place in (*ancestors(path), path):
            self._inside.get(place, {}).pop(path, None)

    def overlapping(self, path: str) -> list[str]:
        """Those that `path` lies in, outermost first; then those that equal it or lie in it, as they were added."""
        outer = [place for place in ancestors(path) if place in self._inside.get(place, ())]
        return [*outer, *self._inside.get(path, ())]


def ancestors(path: str) -> list[str]:
    """The directories that `path` lies in, outermost first: the project itself, `.`, lies in none."""
    names = path.split("/")
    return [] if path == "." else [".", *("/".join(names[:count]) for count in range(1, len(names)))]


def may_match(glob: str, path: str) -> bool:
    """Whether something at `path`, or inside it if it is a directory, or a directory around it, could match `glob`."""
    for pattern, name in zip(glob.split("/"), path.split("/"), strict=False):
        if pattern == "**":
            return True
        if pattern != name and not _name_pattern(pattern).fullmatch(name):
            return False
    return True


@lru_cache(maxsize=1024)
def _name_pattern(pattern: str) -> re.Pattern[str]:
    import fnmatch

    return re.compile(fnmatch.translate(pattern))


def dep_base(dep: str) -> str:
    """The path that stands for a dep where paths are compared: itself, or what a glob's matches lie below."""
    return fixed_part(dep) if is_glob(dep) else dep

"""Paths of project.yml as text: normalising, globs, and which overlap. No file is looked at."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
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
    """Normalised paths, of which those that overlap with another are found without asking each."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._inside: dict[str, list[str]] = {}  # path or directory -> what was added in it, itself included
        self._paths: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        self._paths.add(path)
        for place in dict.fromkeys((".", *ancestors(path), path)):
            self._inside.setdefault(place, []).append(path)

    def overlapping(self, path: str) -> Iterator[str]:
        """Those that equal `path` or lie in it, as often as they were added; then those that it lies in."""
        yield from self._inside.get(path, ())
        yield from (above for above in dict.fromkeys((".", *ancestors(path))) if above in self._paths and above != path)

    def overlaps(self, path: str) -> bool:
        return next(self.overlapping(path), None) is not None


def ancestors(path: str) -> list[str]:
    """The directories that `path` lies in, outermost first, without the project itself and `path`."""
    names = path.split("/")
    return ["/".join(names[:count]) for count in range(1, len(names))]


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

"""Normalise and compare paths of project.yml, and match globs against them, as text: without reading the disk."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate

from weaselish.named_tuple import NamedTuple

OWN_FILES = ("project.yml", "project.lock", ".proj")
PLACEHOLDERS = frozenset((".gitkeep", ".gitignore", ".keep"))  # they keep an empty directory in git
EXECUTED_NAMES = frozenset(  # at any depth, in any case: hooks and settings that a tool executes without being asked
    (
        ".git",  # of version control: hooks, filters, aliases
        ".hg",
        ".jj",
        ".svn",
        ".github",  # workflows
        ".husky",  # hooks that git calls where they are installed
        ".githooks",
        ".pre-commit-config.yaml",
        ".envrc",  # of direnv, on entering the directory
        ".vscode",  # tasks that run on opening the folder
        ".proj",  # of a nested project
    )
)
_MAGIC = re.compile(r"[*?\[]")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f/]")


def is_text(text: str) -> bool:
    """Return whether `text` can be written as UTF-8.

    Python hands over other bytes of the environment and of argv as lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def project_name_problem(name: str) -> str | None:
    """Return why a text cannot be the name of a project in snapshots, None if it can."""
    if not name or len(name.encode("utf-8", "replace")) > 100:
        return "it must have 1 to 100 characters"
    if name.startswith("."):
        return "it must not begin with a dot"
    if _NOT_IN_A_NAME.search(name) or not is_text(name):
        return "it must be text without `/` and control characters"
    return None


def normalise(path: str) -> str:
    """Return `path` with `/` between names, without `./` and trailing slash, and with `..` resolved.

    A path outside the project begins with `..` or `/` afterwards.
    """
    normal = posixpath.normpath(path) if path else path
    return normal[1:] if normal.startswith("//") else normal  # POSIX keeps two leading slashes


class ProjectRoot(NamedTuple):
    """The directory of a project, for paths that lead into it from outside."""

    path: str
    find: Callable[[str], str | None] = lambda path: None  # the relative path, if links on the way lead into it
    real: Callable[[str], str] = normalise  # an absolute path without links on the way

    def normalise(self, path: str) -> str:
        """Normalise `path`. One that leads into the project from outside becomes relative.

        `/srv/iris/data` and `../iris/data` are `data` for the project in `/srv/iris`.
        """
        normal = normalise(path)
        if not is_outside(normal):
            return normal
        absolute = normal if normal.startswith("/") else normalise(f"{self.path}/{normal}")
        if absolute == self.path:
            return "."
        if inside(absolute, self.path):
            return absolute.removeprefix(self.path).lstrip("/")
        return self.find(absolute) or normal


def is_outside(path: str) -> bool:
    """Return whether a normalised path is absolute or climbs out of the project."""
    return path == ".." or path.startswith(("/", "../"))


def holds_own_files(path: str) -> bool:
    """Return whether a normalised path is, contains or lies in a file of the project itself."""
    return path in (".", "") or any(overlap(path.casefold(), own) for own in OWN_FILES)


def is_executed_by_tools(path: str) -> bool:
    """Return whether tools execute files at a normalised path without being asked, as git does with `.git/hooks`."""
    return not EXECUTED_NAMES.isdisjoint(path.casefold().split("/"))


def is_glob(path: str) -> bool:
    """Return whether a path has `*`, `?` or `[`. A file of exactly that name takes precedence."""
    return _MAGIC.search(path) is not None


def fixed_part(glob: str) -> str:
    """Return the directory that contains all matches of a glob: its names before the first one with magic."""
    names = glob.split("/")
    for index, name in enumerate(names):
        if is_glob(name):
            return "/".join(names[:index]) or "."
    return glob


def inside(path: str, directory: str) -> bool:
    """Return whether `path` equals `directory` or lies in it. Both are normalised."""
    if directory == ".":
        return not is_outside(path)
    return path == directory or path.startswith(directory if directory == "/" else directory + "/")


def overlap(one: str, other: str) -> bool:
    """Return whether two paths are equal or one lies inside the other."""
    return inside(one, other) or inside(other, one)


class PathIndex:
    """A set of normalised paths that finds those that overlap a path without comparing each."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._inside: dict[str, dict[str, None]] = {}  # path or directory -> those that equal it or lie in it
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        for directory in (*ancestors(path), path):
            self._inside.setdefault(directory, {})[path] = None

    def discard(self, path: str) -> None:
        for directory in (*ancestors(path), path):
            self._inside.get(directory, {}).pop(path, None)

    def overlapping(self, path: str) -> list[str]:
        """Return the paths that contain `path`, outermost first, then those that equal it or lie in it, as added."""
        outer = [directory for directory in ancestors(path) if directory in self._inside.get(directory, ())]
        return [*outer, *self._inside.get(path, ())]


def ancestors(path: str) -> list[str]:
    """Return the directories that `path` lies in, outermost first.

    The list begins with the project, `.`; for a path outside with `/`, or with the last `..` of those that it climbs.
    """
    names = path.split("/")
    directories = list(accumulate(names[:-1], "{}/{}".format))
    if path.startswith("/"):
        return [] if path == "/" else ["/", *directories[1:]]
    if names[0] == "..":
        return directories[names.count("..") - 1 :]  # normalised: they come first
    return [] if path == "." else [".", *directories]


def may_match(glob: str, path: str) -> bool:
    """Return whether `glob` could match `path`, something inside it, or a directory around it."""
    for pattern, name in zip(glob.split("/"), path.split("/"), strict=False):
        if pattern == "**":
            return True
        if pattern != name and not name_pattern(pattern).fullmatch(name):
            return False
    return True


@lru_cache(maxsize=1024)
def name_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression for a glob without `/`."""
    import fnmatch

    return re.compile(fnmatch.translate(pattern))


def dep_base(dep: str) -> str:
    """Return the path that stands for a dep where paths are compared: the dep, or the fixed part of a glob."""
    return fixed_part(dep) if is_glob(dep) else dep

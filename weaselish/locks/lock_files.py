"""Where the lock files are: those of a project in its `.proj/locks`, those of other paths where all projects find them.

A path outside the project counts by its real path. If it lies in another project that has run something, its lock is
the one that the other project takes itself. Otherwise the lock is in one directory for all projects of the user,
`~/.cache/proj/locks`: in the home directory, so that all sessions find the same one, and all hosts that share it.
Other users are not excluded.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from weaselish.errors import ProjError
from weaselish.files.home import home_directory
from weaselish.files.state_dir import STATE
from weaselish.model.paths import is_outside

_LONGEST = 200  # bytes in the name of a lock file


class LockFiles:
    """The lock files of the project whose own locks are in `directory`, its `.proj/locks`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of_command(self, name: str) -> str:
        """Return the lock of running a command, which holds even if the command writes nothing."""
        return os.path.join(self._directory, _file_name(f"c/{name}"))

    def located(self, path: str) -> str:
        """Return a path in the form that all projects share: real and absolute if it is outside the project."""
        if not is_outside(path):
            return path
        project = self._directory.parent.parent
        real = os.path.realpath(project / path)
        root = os.path.realpath(project)
        return os.path.relpath(real, root) if _is_in(real, root) else real

    def of_path(self, located: str) -> str:
        """Return the lock of a path that `located` gave, or of a directory around it. Raises ProjError."""
        if not is_outside(located):
            return os.path.join(self._directory, _file_name(f"p/{located}"))
        for directory in (located, *map(str, Path(located).parents)):
            locks = Path(directory, STATE, "locks")
            if locks.is_dir() and os.access(locks, os.W_OK):
                return os.path.join(locks, _file_name(f"p/{os.path.relpath(located, directory)}"))
        return os.path.join(_user_directory(), _file_name(f"p/{located}"))


def _is_in(path: str, directory: str) -> bool:
    return os.path.commonpath((path, directory)) == directory


def _user_directory() -> Path:
    """Create and return the directory for all projects of this user. Raises ProjError."""
    from tempfile import gettempdir

    home = home_directory()
    cache = os.environ.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else None)
    problems = []
    in_temporary = Path(gettempdir(), f"proj-locks-{os.getuid()}")
    for directory in (Path(cache, "proj", "locks"), in_temporary) if cache else (in_temporary,):
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = directory.lstat()
        except OSError as error:
            problems.append(f"`{directory}`: {error.strerror}")
            continue
        if directory.is_dir() and not directory.is_symlink() and status.st_uid == os.getuid():
            return directory
        problems.append(f"`{directory}` belongs to another user, or is not a directory")
    raise ProjError(
        f"no directory for the locks of paths outside the project: {', '.join(problems)}",
        hint="set XDG_CACHE_HOME to a directory that all your sessions can write to",
    )


def _file_name(key: str) -> str:
    name = quote(key, safe="", errors="surrogateescape")
    if len(name) <= _LONGEST:
        return name
    from hashlib import md5

    return name[:160] + md5(key.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

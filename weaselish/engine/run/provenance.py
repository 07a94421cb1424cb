"""What a record says of where it was made: host, tool, git."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

from weaselish import __version__

_GIT_SECONDS = 20.0


class Facts:
    """Gathered once per process, git's part in the background while the first step runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._here = _here()
        self._git: dict[str, object] | None = None
        self._asking = Thread(target=self._ask_git, daemon=True)
        self._asking.start()

    def _ask_git(self) -> None:
        self._git = _git(self._root)

    def gathered(self) -> dict[str, object]:
        self._asking.join()
        return {**self._here, "git": self._git}


def _here() -> dict[str, object]:
    uname = os.uname()
    return {
        "executor": "local",
        "tool": f"proj {__version__}",
        "host": {
            "name": uname.nodename,
            "system": f"{uname.sysname} {uname.release} {uname.machine}",
            "python": sys.version.partition(" ")[0],
            "cpus": os.cpu_count(),
        },
    }


def _git(root: Path) -> dict[str, object] | None:
    """The commit and whether tracked files differ from it; None outside a repository."""
    if not any((directory / ".git").exists() for directory in (root, *root.parents)):
        return None
    try:
        commit = _answer(root, "rev-parse", "HEAD").strip()
        dirty = bool(_answer(root, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": dirty}


def _answer(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    ).stdout

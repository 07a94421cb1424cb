"""The provenance of the records that this process writes: host, tool, git."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from weaselish import __version__
from weaselish.plan.record import NO_REPOSITORY, GitCommit, Host, Provenance

if TYPE_CHECKING:
    from weaselish.executors.base import Outcome

TOOL = f"proj {__version__}"
_GIT_SECONDS = 20.0  # that git may take


class ProvenanceSource:
    """Gathers provenance once per process. It asks git in the background, while the first step runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._host = this_host()
        self._git = NO_REPOSITORY
        self._asking = Thread(target=self._ask_git, daemon=True)
        try:
            self._asking.start()
        except RuntimeError:  # the system allows no further threads
            self._ask_git()

    def _ask_git(self) -> None:
        self._git = _git(self._root)

    @property
    def git(self) -> GitCommit:
        """The commit that is checked out. Waits for git."""
        if self._asking.ident is not None:
            self._asking.join()
        return self._git

    def provenance(
        self,
        reasons: tuple[str, ...],
        *,
        executor: str = "local",
        host: str = "",
        image: str | None = None,
        started: str | None = None,
        seconds: float | None = None,
    ) -> Provenance:
        """Return the provenance of a record. Waits for git. Of another `host` than this one, only its name is known."""
        where = self._host if host in ("", self._host.name) else Host(host)
        return Provenance(executor, TOOL, where, self.git, started, seconds, reasons, image)

    def of_run(self, reasons: tuple[str, ...], outcome: Outcome, *, wall: float, seconds: float) -> Provenance:
        """Return the provenance of a run that ended so. `wall`: when it began, in seconds since 1970."""
        return self.provenance(
            reasons,
            executor=outcome.executor,
            host=outcome.host,
            image=outcome.image,
            started=iso(wall),
            seconds=round(seconds, 3),
        )


def this_host() -> Host:
    """Return the facts about this machine."""
    uname = os.uname()
    system = f"{uname.sysname} {uname.release} {uname.machine}"
    return Host(uname.nodename, system, sys.version.partition(" ")[0], os.cpu_count())


def iso(seconds: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _git(root: Path) -> GitCommit:
    """Return the commit and whether tracked files differ from it; NO_REPOSITORY outside of one."""
    if not any((directory / ".git").exists() for directory in (root, *root.parents)):
        return NO_REPOSITORY
    try:
        commit = _ask(root, "rev-parse", "HEAD").strip()
        dirty = bool(_ask(root, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return NO_REPOSITORY
    return GitCommit(commit, dirty)


def _ask(root: Path, *words: str) -> str:
    """Return what git prints. Raises OSError and SubprocessError."""
    return subprocess.run(
        ["git", "-C", str(root), *words],
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_GIT_SECONDS,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    ).stdout

"""The addresses of pages: paths on a server, or relative names of files in an export."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class Links(Protocol):
    """Returns where pages are, None for a page that does not exist."""

    @property
    def is_static(self) -> bool:
        """Whether no server answers: without search, forms and live updates."""

    def home(self) -> str:
        """Return the address of the list of projects."""

    def static(self, name: str) -> str:
        """Return the address of a file that pages load."""

    def page(self, project: str, kind: str) -> str:
        """Return a page of a project: `project`, `graph`, `runs` or another in the tabs."""

    def step(self, project: str, name: str) -> str:
        """Return a step."""

    def run(self, project: str, run: int, command: str) -> str | None:
        """Return a run."""

    def log(self, project: str, run: int, command: str) -> str | None:
        """Return a complete log, as text."""

    def compare(self, project: str, runs: Sequence[int]) -> str | None:
        """Return runs side by side."""

    def version(self, project: str, artifact: str, version: str) -> str | None:
        """Return a version of an artifact."""

    def query(self, project: str, kind: str, **values: object) -> str | None:
        """Return a page of a project with parameters."""


class ServerLinks:
    """The addresses below a base path. `version` of the files that pages load lets browsers keep them."""

    is_static = False

    def __init__(self, base: str, version: str) -> None:
        self._base = base
        self._version = version

    def home(self) -> str:
        """Return the list of projects."""
        return f"{self._base}/"

    def static(self, name: str) -> str:
        """Return a file that pages load."""
        return f"{self._base}/static/{name}?v={self._version}"

    def page(self, project: str, kind: str) -> str:
        """Return a page of a project."""
        start = f"{self._base}/p/{quote(project, safe='')}"
        return start if kind == "project" else f"{start}/{kind}"

    def step(self, project: str, name: str) -> str:
        """Return a step."""
        if name in (".", "..") or "/" in name:  # browsers and proxies would shorten the path
            return f"{self.page(project, 'step')}?{urlencode({'name': name})}"
        return f"{self.page(project, 'steps')}/{_quoted(name)}"

    def run(self, project: str, run: int, command: str) -> str | None:
        """Return a run."""
        return f"{self.page(project, 'runs')}/{run}?{urlencode({'step': _plain(command)})}"

    def log(self, project: str, run: int, command: str) -> str | None:
        """Return a log."""
        return f"{self.page(project, 'runs')}/{run}/log?{urlencode({'step': _plain(command)})}"

    def compare(self, project: str, runs: Sequence[int]) -> str | None:
        """Return runs side by side."""
        return f"{self.page(project, 'compare')}?{urlencode([('run', run) for run in runs])}"

    def version(self, project: str, artifact: str, version: str) -> str | None:
        """Return a version of an artifact."""
        values = {"name": _plain(artifact), "version": _plain(version)}
        return f"{self.page(project, 'version')}?{urlencode(values)}"

    def query(self, project: str, kind: str, **values: object) -> str | None:
        """Return a page of a project with parameters."""
        return f"{self.page(project, kind)}?{urlencode({name: _plain(str(value)) for name, value in values.items()})}"


class FileLinks:
    """The names of files, relative to the page in the directory `here`. `runs` and `compared` have pages."""

    is_static = True

    def __init__(self, here: str, files: Files) -> None:
        self._up = "../" * (here.count("/") + 1) if here else ""
        self._files = files

    def home(self) -> str:
        """Return the list of projects."""
        return f"{self._up}index.html"

    def static(self, name: str) -> str:
        """Return a file that pages load."""
        return f"{self._up}static/{name}"

    def page(self, project: str, kind: str) -> str:
        """Return a page of a project."""
        return self._up + quote(self._files.page(project, kind))

    def step(self, project: str, name: str) -> str:
        """Return a step."""
        return self._up + quote(self._files.step(project, name))

    def run(self, project: str, run: int, command: str) -> str | None:
        """Return a run."""
        return self._if_written(self._files.run(project, run, command))

    def log(self, project: str, run: int, command: str) -> str | None:
        """Return a log."""
        return self._if_written(self._files.log(project, run, command))

    def compare(self, project: str, runs: Sequence[int]) -> str | None:
        """Return runs side by side."""
        return self._if_written(self._files.compare(project, runs))

    def version(self, project: str, artifact: str, version: str) -> str | None:
        """Return a version of an artifact."""
        return self._if_written(self._files.version(project, artifact, version))

    def query(self, project: str, kind: str, **values: object) -> str | None:
        """Return None: a file has no parameters."""
        return None

    def _if_written(self, file: str) -> str | None:
        return self._up + quote(file) if file in self._files.written else None


class Files:
    """The files of an export. `written` are those of pages that not every export has."""

    def __init__(self) -> None:
        self.written: set[str] = set()

    def page(self, project: str, kind: str) -> str:
        """Name the file of a page of a project."""
        return f"p/{file_name(project)}/{'index' if kind == 'project' else kind}.html"

    def step(self, project: str, name: str) -> str:
        """Name the file of a step."""
        return f"p/{file_name(project)}/steps/{file_name(name)}.html"

    def run(self, project: str, run: int, command: str) -> str:
        """Name the file of a run."""
        return f"p/{file_name(project)}/runs/{run}-{file_name(command)}.html"

    def log(self, project: str, run: int, command: str) -> str:
        """Name the file of a log."""
        return f"p/{file_name(project)}/runs/{run}-{file_name(command)}.txt"

    def compare(self, project: str, runs: Sequence[int]) -> str:
        """Name the file of a comparison."""
        return f"p/{file_name(project)}/compare/{'-'.join(map(str, sorted(runs)))}.html"

    def version(self, project: str, artifact: str, version: str) -> str:
        """Name the file of a version."""
        return f"p/{file_name(project)}/artifacts/{file_name(artifact)}-{file_name(version)}.html"


def file_name(text: str) -> str:
    """Return a name that every file system takes and that differs for each text."""
    if _PLAIN.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_") + f"-{digest}"


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")

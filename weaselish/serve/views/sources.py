"""One served project as the views read it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from weaselish.api.project import Project
from weaselish.errors import ProjError
from weaselish.files.state_dir import STATE
from weaselish.load import FILE
from weaselish.model.project import ProjectModel
from weaselish.model.secret_words import masked_line
from weaselish.plan.producers import Producers
from weaselish.serve.projects import Projects
from weaselish.serve.secret_mask import SecretMask
from weaselish.serve.views.history import History
from weaselish.serve.views.readings import Readings

_Parsed = tuple[Hashable, ProjectModel, Producers]  # the version of project.yml, and what it says


def _stat(path: Path) -> Hashable:
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino
    return None


@dataclass(frozen=True)
class Source:
    """A project by the name in its addresses. `project` keeps what it parsed between requests."""

    name: str
    directory: Path
    project: Project
    history: History
    readings: Readings
    mask: Callable[[str], str]  # masks the project's secrets
    _kept: dict[str, _Parsed] = field(default_factory=dict)

    def version(self) -> Hashable:
        """Return a value that differs whenever project.yml, project.lock or a journal has changed."""
        found: list[object] = [self.history.version()]
        for path in ("project.yml", "project.lock", STATE):
            try:
                status = (self.directory / path).stat()
            except OSError:
                continue
            found.append((path, status.st_ino) if path == STATE else (path, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def model(self) -> ProjectModel | None:
        """Return what project.yml says, None if it is missing or cannot be used."""
        try:
            return self.checked_model()
        except ProjError:
            return None

    def checked_model(self) -> ProjectModel:
        """Return what project.yml says. Raises ProjError if it is missing or cannot be used."""
        return self._parsed()[1]

    def _parsed(self) -> _Parsed:
        """Read project.yml again if it has changed."""
        version = _stat(self.directory / FILE)
        kept = self._kept.get("model")
        if kept is None or kept[0] != version or version is None:
            model = self.project.shown_model
            kept = self._kept["model"] = (version, model, Producers(model.commands))
        return kept

    def shown_script(self, command: str, lines: Sequence[str]) -> tuple[str, ...]:
        """Return script lines with secrets masked. If project.yml cannot be read, their values are not known."""
        try:
            return self.project.shown_scripts({command: lines})[command]
        except ProjError:
            return tuple(self.mask(masked_line(line, ())) for line in lines)

    def producers_of(self, path: str) -> tuple[str, ...]:
        """Return the commands of project.yml that produce a path."""
        try:
            return tuple(self._parsed()[2].of(path))
        except ProjError:
            return ()


@dataclass(frozen=True)
class Sources:
    """The served projects, each opened once."""

    projects: Projects
    history_of: Callable[[str], History]  # by the name of a project
    readings: Readings = field(default_factory=Readings)
    mask_of: Callable[[Path], Callable[[str], str]] = SecretMask
    _opened: dict[str, Source] = field(default_factory=dict)

    def of(self, name: str) -> Source:
        """Return a project. Raises UnknownName."""
        directory = self.projects.directory(name)
        if name not in self._opened:
            made = Source(
                name, directory, Project(directory), self.history_of(name), self.readings, self.mask_of(directory)
            )
            return self._opened.setdefault(name, made)
        return self._opened[name]

    def close(self) -> None:
        """End what reads in the background."""
        self.readings.close()

    def all(self) -> list[Source]:
        """Return all projects, in the order of the command line."""
        return [self.of(name) for name in self.projects.directories]

"""The projects that a dashboard shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.errors import UnknownName

if TYPE_CHECKING:
    from weaselish.api.project import Project


@dataclass(frozen=True, slots=True)
class Projects:
    """Directories of projects by the names that addresses have: `penguins`, of a second one `penguins-2`."""

    directories: Mapping[str, Path]

    @classmethod
    def of(cls, directories: Iterable[Path]) -> Projects:
        """Name each directory after its last part."""
        named: dict[str, Path] = {}
        for directory in dict.fromkeys(path.resolve() for path in directories):
            base = directory.name or "project"
            name, count = base, 1
            while name in named:
                count += 1
                name = f"{base}-{count}"
            named[name] = directory
        return cls(named)

    def directory(self, name: str) -> Path:
        """Return the directory of a project. Raises UnknownName."""
        if name not in self.directories:
            raise UnknownName("project", name, self.directories)
        return self.directories[name]

    def open(self, name: str) -> Project:
        """Return a project, which reads project.yml at each use. Raises UnknownName."""
        from weaselish.api.project import Project

        return Project(self.directory(name))

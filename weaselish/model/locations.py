"""Where each value and key of project.yml stands."""

from __future__ import annotations

Path = tuple[str | int, ...]  # ("commands", 0, "deps", 1)
Place = tuple[int, int]  # line, column, from 1


class Places:
    """No dataclass: to import that would take longer than all else that reads project.yml."""

    def __init__(self) -> None:
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}

    def of(self, path: Path) -> Place:
        """The place of the value at `path`, or of the innermost one around it that has a place."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (0, 0))

    def of_key(self, path: Path) -> Place:
        return self.keys.get(path) or self.of(path)

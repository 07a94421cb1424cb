"""The line and column of each value and key of project.yml."""

from __future__ import annotations

Path = tuple[str | int, ...]  # ("commands", 0, "deps", 1)
Location = tuple[int, int]  # line, column, from 1


class Locations:
    """Not a dataclass: importing that takes longer than everything else that reads project.yml."""

    def __init__(self) -> None:
        self.values: dict[Path, Location] = {}
        self.keys: dict[Path, Location] = {}
        self.commands: dict[str, Path] = {}  # by name, once parsed: ("commands", 0)

    def of(self, path: Path) -> Location:
        """Return the location of the value at `path`, or of the innermost value around it that has one."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (0, 0))

    def of_key(self, path: Path) -> Location:
        """Return the location of the key at `path`, or that of its value."""
        return self.keys.get(path) or self.of(path)

    def of_command(self, name: str, path: Path = ()) -> Location:
        """Return the location of a command, or of a value in it."""
        start = self.commands.get(name)
        return (0, 0) if start is None else self.of((*start, *path))

"""Read the YAML files of other tools: values by path, and all problems with their positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.errors import InvalidProject, Problem
from weaselish.files import yaml12
from weaselish.model.locations import Path


class ForeignYaml:
    """The content of a file, which messages call `file`. Raises InvalidProject if it is not YAML or no mapping.

    A value with a problem counts as missing. `raise_problems` reports all of them together.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        content, self._locations = yaml12.read(data, file=file)
        self._data: dict[str, Any] = content if isinstance(content, dict) else {}
        if not isinstance(content, dict):
            self.problem((), "the file is empty" if content is None else "the file is not a mapping")
            self.raise_problems()

    def problem(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        line, column = self._locations.of_key(path) if key else self._locations.of(path)
        self._problems.append(Problem(line or 1, column or 1, message, hint))

    def raise_problems(self) -> None:
        """Raise InvalidProject if there are problems."""
        if self._problems:
            raise InvalidProject(self._problems, file=self.file)

    def value(self, path: Path) -> Any:
        """Return the value at `path`, None if it is missing."""
        value: Any = self._data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part] if part < len(value) else None
            else:
                return None
        return value

    def mapping(self, path: Path) -> Mapping[str, Any]:
        """Return the mapping at `path`, empty if it is missing or something else, which is a problem."""
        value = self.value(path)
        if value is not None and not isinstance(value, dict):
            self.problem(path, f"`{path[-1]}` is not a mapping")
        return value if isinstance(value, dict) else {}

    def length(self, path: Path) -> int:
        """Return the length of the list at `path`, 0 if it is missing or something else, which is a problem."""
        value = self.value(path)
        if value is not None and not isinstance(value, list):
            self.problem(path, f"`{path[-1]}` is not a list")
        return len(value) if isinstance(value, list) else 0

    def text(self, path: Path, *, is_needed: bool = False) -> str:
        """Return the text at `path`, empty if it is missing or something else, which is a problem."""
        value = self.value(path)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if value not in (None, ""):
            self.problem(path, f"`{path[-1]}` is not a text")
        elif is_needed:
            self.problem(path[:-1], f"`{path[-1]}` is missing")
        return ""

    def switch(self, path: Path) -> bool:
        """Return the boolean at `path`, false if it is missing. `False` in quotes counts, too."""
        value = self.value(path)
        text = str(value).lower()
        if value is None or text in ("false", "no", "off", "0"):
            return False
        if text not in ("true", "yes", "on", "1"):
            self.problem(path, f"`{path[-1]}` is neither true nor false")
        return True

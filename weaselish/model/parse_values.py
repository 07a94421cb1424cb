"""Read texts and paths from project.yml's data, and collect the problems found on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weaselish.errors import InvalidProject, Problem, UsageError, near_match
from weaselish.model import schema
from weaselish.model.interpolate import BadReference, Interpolator, override
from weaselish.model.locations import Path, Places
from weaselish.model.paths import holds_own_files, is_executed_by_tools, is_outside, normalise

YES = ("yes", "on", "true", True, 1)


class Values:
    """The data of project.yml with references replaced.

    A value that has a problem is left out, so that the rest can be checked too.
    """

    def __init__(self, data: object, places: Places, overrides: Mapping[str, str]) -> None:
        self.places = places
        self.problems: list[Problem] = []
        if data is None:
            raise InvalidProject([Problem(1, 1, "project.yml is empty", "begin with `commands:`")])
        self.data: dict[str, Any] = copy.deepcopy(data) if isinstance(data, dict) else {}
        self._added = self._override(overrides) if isinstance(data, dict) else []
        self._check_schema(self.data if isinstance(data, dict) else data)
        self.interpolator = Interpolator(self.data)

    # -- problems ---------------------------------------------------------------------------------------------------

    def problem(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        """Note an error about the value at `path`, or about its key."""
        self.problems.append(Problem(*self._place(path, key), message, hint))

    def warn(
        self, path: Path, message: str, hint: str | None = None, *, key: bool = False, always_shown: bool = False
    ) -> None:
        """Note a warning about the value at `path`, or about its key."""
        self.problems.append(Problem(*self._place(path, key), message, hint, True, always_shown))

    def _place(self, path: Path, key: bool) -> tuple[int, int]:
        return self.places.of_key(path) if key else self.places.of(path)

    def _check_schema(self, data: object) -> None:
        for path, is_key, message, hint in list(schema.violations(data)):
            self.problem(path, message, hint, key=is_key)
            _blank(self.data, path)

    def _override(self, overrides: Mapping[str, str]) -> list[str]:
        try:
            return override(self.data, overrides)
        except BadReference as error:
            raise UsageError(error.message, hint=error.hint) from None

    def check_overrides_are_used(self) -> None:
        """Raise UsageError for an override of a variable that project.yml neither defines nor uses."""
        for name in self._added:
            if name not in self.interpolator.used:
                section, _, key = name.partition(".")
                close = near_match(key, [other for other in self.data.get(section, {}) if other != key])
                hint = f"did you mean `--{section}.{close}`?" if close else f"`{section}` has no `{key}`"
                raise UsageError(f"nothing to override: `{name}`", hint=hint)

    # -- values -----------------------------------------------------------------------------------------------------

    def mapping(self, key: str) -> Mapping[str, Any]:
        """The mapping at a top-level key, empty if it is missing."""
        return self.data.get(key) or {}

    def value(self, path: Path, value: object) -> object:
        """`value` with the references in all its texts replaced."""
        try:
            return self.interpolator.tree(value)
        except BadReference as error:
            self.problem(path, error.message, error.hint)
            return value

    def interpolated(self, path: Path, text: str, *, in_shell: bool = False) -> str | None:
        """`text` with its references replaced, None if that has a problem."""
        try:
            return self.interpolator.text(text, in_shell=in_shell)
        except BadReference as error:
            self.problem(path, error.message, error.hint)
            return None

    def text(self, path: Path, *, within: Mapping[str, Any] | None = None) -> str:
        """The text at the last key of `path`, in `within` or at top level; empty if it is missing."""
        value = (self.data if within is None else within).get(str(path[-1]))
        return (self.interpolated(path, value) or "") if isinstance(value, str) else ""

    def texts(self, path: Path, items: Iterable[object], *, in_shell: bool = False) -> Iterator[str]:
        """The texts of a list, without those that have a problem."""
        for index, item in enumerate(items):
            if isinstance(item, str):
                text = self.interpolated((*path, index), item, in_shell=in_shell)
                if text is not None:
                    yield text

    # -- paths ------------------------------------------------------------------------------------------------------

    def paths(
        self, path: Path, items: Iterable[object], *, what: str, written: list[tuple[str, str]] | None = None
    ) -> Iterator[str]:
        """The paths of a list, normalised, without those that have a problem.

        Where normalising changes a path, `written` receives (path, as written).
        """
        for index, item in enumerate(items):
            text = self.interpolated((*path, index), item) if isinstance(item, str) else None
            if text is None:
                continue
            normal = self.path((*path, index), text, what=what)
            if normal is not None:
                if normal != text and written is not None:
                    written.append((normal, text))
                yield normal

    def path(self, path: Path, text: str, *, what: str) -> str | None:
        """`text` as a normalised path, None if that has a problem."""
        if "\0" in text or not text:
            self.problem(path, f"{what} must be a path, not empty text")
            return None
        normal = normalise(text)
        if is_outside(normal):
            hint = "a dep may be a link that leads outside" if what == "a dep" else "name a path inside the project"
            self.problem(path, f"{what} leaves the project: `{text}`", hint)
            return None
        if what in ("an output", "an asset") and (reason := _why_protected(normal)):
            self.problem(path, f"{what} cannot be `{normal}`", reason)
            return None
        return normal


def _why_protected(path: str) -> str | None:
    if holds_own_files(path):
        return "it would replace files of the project itself"
    return "tools execute what they find there, without being asked" if is_executed_by_tools(path) else None


def _blank(data: Any, path: Path) -> None:
    """Set the value at `path` to None, so that no later check meets a value of the wrong type."""
    for part in path[:-1]:
        data = data[part]
        if data is None:  # an outer value is blank already
            return
    if path and (isinstance(data, dict) or isinstance(path[-1], int)):
        data[path[-1]] = None

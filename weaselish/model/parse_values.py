"""Read texts and paths from project.yml's data, and collect the problems found on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weaselish.errors import InvalidOverride, InvalidProject, Part, Problem, UsageError, near_match
from weaselish.model import schema
from weaselish.model.interpolate import BadOverride, BadReference, Interpolator, override
from weaselish.model.locations import Locations, Path
from weaselish.model.path_rules import PathKind, ReadOnly, path_refusal
from weaselish.model.paths import ProjectRoot, normalise
from weaselish.model.settings import BadSetting

YES = ("yes", "on", "true", True, 1)
_LISTS = ("commands", "assets")  # sections whose entries have a number in their path, not a name
_SECTIONS = (*_LISTS, "workflows", "remotes", "vars", "artifacts")


class Values:
    """The data of project.yml with references replaced.

    A value that has a problem is left out, so that the rest can be checked too.
    """

    def __init__(
        self, data: object, locations: Locations, overrides: Mapping[str, str], root: ProjectRoot | None = None
    ) -> None:
        self.locations = locations
        self.root = root
        self.read_only: tuple[ReadOnly, ...] = ()  # known when the assets have been read
        self._found: list[tuple[Path, Problem]] = []
        self._faulty: set[Path] = set()  # entries of sections that have an error: ("commands", 0)
        self._names: dict[Path, str] = {}
        if data is None:
            raise InvalidProject([Problem(1, 1, "project.yml is empty", "begin with `commands:`")])
        self.data: dict[str, Any] = copy.deepcopy(data) if isinstance(data, dict) else {}
        self._added = self._override(overrides) if isinstance(data, dict) else []
        self._check_schema(self.data if isinstance(data, dict) else data)
        self.interpolator = Interpolator(self.data)

    # -- problems ---------------------------------------------------------------------------------------------------

    def problem(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        """Note an error about the value at `path`, or about its key."""
        self._found.append((path, Problem(*self._place(path, key), message, hint)))
        self._faulty.add(path[:2])

    def warn(
        self, path: Path, message: str, hint: str | None = None, *, key: bool = False, always_shown: bool = False
    ) -> None:
        """Note a warning about the value at `path`, or about its key."""
        problem = Problem(*self._place(path, key), message, hint, is_warning=True, always_shown=always_shown)
        self._found.append((path, problem))

    def name(self, path: Path, name: str) -> None:
        """Note the name of the command or asset at `path`: problems there are confined to it."""
        self._names[path] = name
        if path[0] == "commands":
            self.locations.commands.setdefault(name, path)

    def is_faulty(self, entry: Path) -> bool:
        """Return whether an error is confined to the command at `entry`."""
        return entry in self._faulty

    @property
    def faulty_commands(self) -> set[str]:
        """The names of the commands that have an error."""
        return {self._names.get(entry, "") for entry in self._faulty if entry[:1] == ("commands",)}

    @contextmanager
    def once(self) -> Iterator[None]:
        """Keep at each location only the first problem of each kind that the block notes: its steps share a text."""
        start = len(self._found)
        yield
        first: dict[tuple[Path, bool], tuple[Path, Problem]] = {}
        for path, problem in self._found[start:]:
            first.setdefault((path, problem.is_warning), (path, problem))
        self._found[start:] = first.values()

    @property
    def problems(self) -> list[Problem]:
        """All problems so far, each with the part of project.yml that it is confined to."""
        return [problem._replace(confined_to=self._part(path)) for path, problem in self._found]

    def _part(self, path: Path) -> Part | None:
        if len(path) < 2 or path[0] not in _SECTIONS:
            return None
        name = self._names.get(path[:2], "") if path[0] in _LISTS else str(path[1])
        return Part(str(path[0]), name)

    def _place(self, path: Path, key: bool) -> tuple[int, int]:
        return self.locations.of_key(path) if key else self.locations.of(path)

    def _check_schema(self, data: object) -> None:
        for violation in list(schema.violations(data)):
            self.problem(violation.path, violation.message, violation.hint, key=violation.of_key)
            _blank(self.data, violation.path)

    def _override(self, overrides: Mapping[str, str]) -> list[str]:
        try:
            return override(self.data, overrides)
        except BadOverride as error:
            raise InvalidOverride(error.message, name=error.name, hint=error.hint) from None
        except BadSetting as error:
            raise UsageError(error.message, hint=error.hint) from None

    def check_overrides_are_used(self) -> None:
        """Raise InvalidOverride for an override of a variable that project.yml neither defines nor uses."""
        for name in self._added:
            if name not in self.interpolator.used:
                section, _, key = name.partition(".")
                close = near_match(key, [other for other in self.data.get(section, {}) if other != key])
                hint = f"did you mean `--{section}.{close}`?" if close else f"`{section}` has no `{key}`"
                raise InvalidOverride(f"nothing to override: `{name}`", name=name, hint=hint)

    # -- values -----------------------------------------------------------------------------------------------------

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return the mapping at a top-level key, empty if it is missing."""
        return self.data.get(key) or {}

    def value(self, path: Path, value: object) -> object:
        """Return `value` with the references in all its texts replaced."""
        try:
            return self.interpolator.tree(value, path)
        except BadReference as error:
            self.problem(path, error.message, error.hint)
            return value

    def interpolated(self, path: Path, text: str, *, in_shell: bool = False) -> str | None:
        """Return `text` with its references replaced, None if that has a problem."""
        try:
            return self.interpolator.text(text, path, in_shell=in_shell)
        except BadReference as error:
            self.problem(path, error.message, error.hint)
            return None

    def text(self, path: Path, *, within: Mapping[str, Any] | None = None) -> str:
        """Return the text at the last key of `path`, in `within` or at top level; empty if it is missing."""
        value = (self.data if within is None else within).get(str(path[-1]))
        return (self.interpolated(path, value) or "") if isinstance(value, str) else ""

    def required_text(self, path: Path, *, within: Mapping[str, Any], hint: str | None = None) -> str:
        """Return the text at the last key of `path` in `within`. If references leave it empty, that is a problem."""
        value = within.get(str(path[-1]))
        text = self.interpolated(path, value) if isinstance(value, str) else None
        if text == "":
            self.problem(path, f"`{path[-1]}` must not be empty", hint)
        return text or ""

    def texts(self, path: Path, items: Iterable[object], *, in_shell: bool = False) -> Iterator[str]:
        """Yield the texts of a list, without those that have a problem."""
        for index, item in enumerate(items):
            if isinstance(item, str):
                text = self.interpolated((*path, index), item, in_shell=in_shell)
                if text is not None:
                    yield text

    # -- paths ------------------------------------------------------------------------------------------------------

    def paths(
        self,
        path: Path,
        items: Iterable[object],
        kind: PathKind,
        *,
        written: dict[str, str] | None = None,
        before: dict[str, None] | None = None,
    ) -> Iterator[str]:
        """Yield the paths of a list, normalised, without those that have a problem.

        `written` receives each path that normalising changed, with the text in project.yml. A path in `before` is
        left out with a warning; the others are added to it.
        """
        for index, item in enumerate(items):
            at = (*path, index)
            text = self.interpolated(at, item) if isinstance(item, str) else None
            normal = None if text is None else self.path(at, text, kind)
            if text is None or normal is None:
                continue
            if before is not None and normal in before:
                self.warn(at, f"{kind.noun} `{normal}` is listed twice, and counts once", "remove one of the two")
                continue
            if before is not None:
                before[normal] = None
            if normal != text and written is not None:
                written.setdefault(normal, text)
            yield normal

    def normalised(self, text: str) -> str:
        """Return a path normalised, and relative if it leads into the project."""
        return self.root.normalise(text) if self.root else normalise(text)

    def path(self, path: Path, text: str, kind: PathKind) -> str | None:
        """Return `text` as a normalised path, None if that has a problem."""
        normal = self.normalised(text)
        return None if self.is_refused(path, normal, kind) else normal

    def is_refused(self, path: Path, normal: str, kind: PathKind) -> bool:
        """Return whether a normalised path cannot be used as `kind`, and note the problem."""
        refusal = path_refusal(normal, kind, self.root.path if self.root else None, self.read_only)
        if refusal is not None:
            self.problem(path, *refusal)
        return refusal is not None


def _blank(data: Any, path: Path) -> None:
    """Set the value at `path` to None, so that no later check meets a value of the wrong type."""
    for part in path[:-1]:
        data = data[part]
        if data is None:  # an outer value is blank already
            return
    if path and (isinstance(data, dict) or isinstance(path[-1], int)):
        data[path[-1]] = None

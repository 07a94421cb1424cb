"""project.yml's data → Project, or all its problems at once, each with its place."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weaselish.errors import InvalidProject, Problem, UsageError, in_file_order, near_match
from weaselish.model import schema
from weaselish.model.interpolate import BadReference, Interpolator, override
from weaselish.model.locations import Path, Places
from weaselish.model.paths import PathIndex, leaves_project, normalise, overlap
from weaselish.model.project import Algorithm, Asset, Command, Git, ProjectModel, Remote, Shell
from weaselish.model.script import shell_word, unsplittable

OUR_OWN = ("project.yml", "project.lock", ".proj")  # no output may be or hold one of these
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_YES = ("yes", "on", "true", True, 1)
_LEGACY = {
    "spacy_version": "is ignored: declare what you need in requirements.txt",
    "check_requirements": "is ignored: requirements are not checked",
}


def parse(data: object, places: Places, overrides: Mapping[str, str] | None = None) -> ProjectModel:
    """The project that `data` describes, with `overrides` put in. Raises InvalidProject with all that is wrong."""
    return _Parser(data, places, overrides or {}).project()


class _Parser:
    """Collects problems while it reads: a part that is broken is left out, so that the rest can be checked too."""

    def __init__(self, data: object, places: Places, overrides: Mapping[str, str]) -> None:
        self.places = places
        self.problems: list[Problem] = []
        if data is None:
            raise InvalidProject([Problem(1, 1, "project.yml is empty", "begin with `commands:`")])
        self.data: dict[str, Any] = copy.deepcopy(data) if isinstance(data, dict) else {}
        self.added = self._override(overrides) if isinstance(data, dict) else []
        self._check_schema(self.data if isinstance(data, dict) else data)
        self.interpolator = Interpolator(self.data)

    # -- problems ---------------------------------------------------------------------------------------------------

    def _problem(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        self.problems.append(Problem(*self._place(path, key), message, hint))

    def _warn(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        self.problems.append(Problem(*self._place(path, key), message, hint, is_warning=True))

    def _place(self, path: Path, key: bool) -> tuple[int, int]:
        return self.places.of_key(path) if key else self.places.of(path)

    def _check_schema(self, data: object) -> None:
        for path, is_key, message, hint in list(schema.violations(data)):
            self._problem(path, message, hint, key=is_key)
            _blank(self.data, path)

    def _override(self, overrides: Mapping[str, str]) -> list[str]:
        try:
            return override(self.data, overrides)
        except BadReference as error:
            raise UsageError(error.message, hint=error.hint) from None

    def _check_overrides_are_used(self) -> None:
        for name in self.added:
            if name not in self.interpolator.used:
                section, _, key = name.partition(".")
                close = near_match(key, [known for known in self.data.get(section, {}) if known != key])
                hint = f"did you mean `--{section}.{close}`?" if close else f"`{section}` has no `{key}`"
                raise UsageError(f"nothing to override: `{name}`", hint=hint)

    # -- the whole --------------------------------------------------------------------------------------------------

    def project(self) -> ProjectModel:
        variables = {name: self._value(("vars", name), value) for name, value in self._mapping("vars").items()}
        commands = self._commands()
        workflows = self._workflows(commands)
        project = ProjectModel(
            title=self._text(("title",)),
            description=self._text(("description",)),
            compat=self.data.get("compat") == "weasel",
            digest=self._algorithm(),
            dotenv=tuple(self._texts(("dotenv",), self.data.get("dotenv") or ())),
            vars=variables,
            env={name: str(value) for name, value in self._mapping("env").items()},
            directories=tuple(self._paths(("directories",), self.data.get("directories") or (), what="a directory")),
            assets=tuple(self._assets()),
            commands=commands,
            workflows=workflows,
            remotes=self._remotes(),
            warnings=(),
        )
        self._warn_of_top_level_keys()
        errors = [problem for problem in self.problems if not problem.is_warning]
        if errors:
            raise InvalidProject(self.problems)
        self._check_overrides_are_used()
        return project._replace(warnings=in_file_order(self.problems))

    def _algorithm(self) -> Algorithm:
        algorithm: Algorithm = "blake3" if self.data.get("digest") == "blake3" else "md5"
        if algorithm != "md5" and self.data.get("compat"):
            self._problem(
                ("digest",),
                "`digest: blake3` and `compat: weasel` exclude each other",
                "Weasel knows MD5 only",
            )
        return algorithm

    def _warn_of_top_level_keys(self) -> None:
        known = schema.known_top_level_keys()
        for key in self.data:
            if key in _LEGACY:
                self._warn((key,), f"`{key}` {_LEGACY[key]}", key=True)
            elif key not in known and not str(key).startswith("x-") and f"project.{key}" not in self.interpolator.used:
                close = near_match(str(key), known)
                hint = (
                    f"did you mean `{close}`?" if close else "begin its name with `x-` to keep it without this warning"
                )
                self._warn((key,), f"unknown key `{key}` is ignored", hint, key=True)

    def _mapping(self, key: str) -> Mapping[str, Any]:
        return self.data.get(key) or {}

    # -- texts and paths --------------------------------------------------------------------------------------------

    def _value(self, path: Path, value: object) -> object:
        try:
            return self.interpolator.tree(value)
        except BadReference as error:
            self._problem(path, error.message, error.hint)
            return value

    def _interpolated(self, path: Path, text: str, *, in_shell: bool = False) -> str | None:
        try:
            return self.interpolator.text(text, in_shell=in_shell)
        except BadReference as error:
            self._problem(path, error.message, error.hint)
            return None

    def _text(self, path: Path, *, within: Mapping[str, Any] | None = None) -> str:
        value = (self.data if within is None else within).get(str(path[-1]))
        return (self._interpolated(path, value) or "") if isinstance(value, str) else ""

    def _texts(self, path: Path, items: Iterable[object], *, in_shell: bool = False) -> Iterator[str]:
        for index, item in enumerate(items):
            if isinstance(item, str):
                text = self._interpolated((*path, index), item, in_shell=in_shell)
                if text is not None:
                    yield text

    def _paths(
        self, path: Path, items: Iterable[object], *, what: str, written: list[tuple[str, str]] | None = None
    ) -> Iterator[str]:
        for index, item in enumerate(items):
            text = self._interpolated((*path, index), item) if isinstance(item, str) else None
            if text is None:
                continue
            normal = self._path((*path, index), text, what=what)
            if normal is not None:
                if normal != text and written is not None:
                    written.append((normal, text))
                yield normal

    def _path(self, path: Path, text: str, *, what: str) -> str | None:
        if "\0" in text or not text:
            self._problem(path, f"{what} must be a path, not empty text")
            return None
        normal = normalise(text)
        if leaves_project(normal):
            hint = "a dep may be a link that leads outside" if what == "a dep" else "name a path inside the project"
            self._problem(path, f"{what} leaves the project: `{text}`", hint)
            return None
        if what in ("an output", "an asset") and (normal == "." or any(overlap(normal, own) for own in OUR_OWN)):
            self._problem(path, f"{what} cannot be `{normal}`", "it would replace files of the project itself")
            return None
        return normal

    # -- commands ---------------------------------------------------------------------------------------------------

    def _commands(self) -> dict[str, Command]:
        commands: dict[str, Command] = {}
        for index, item in enumerate(self.data.get("commands") or ()):
            if item is None:
                continue
            command = self._command(("commands", index), item)
            if command.name in commands:
                self._problem(
                    ("commands", index, "name"),
                    f"a second command is named `{command.name}`",
                    "rename one of them",
                )
            elif command.name == ".proj":
                self._problem(
                    ("commands", index, "name"),
                    "a command cannot be named `.proj`",
                    "rename it: project.lock keeps what is ours under that name",
                )
            else:
                commands[command.name] = command
        return commands

    def _command(self, path: Path, item: Mapping[str, Any]) -> Command:
        written: list[tuple[str, str]] = []
        shell = _shell(item.get("shell", False))
        outputs, outputs_no_cache = (
            tuple(self._paths((*path, key), item.get(key) or (), what="an output", written=written))
            for key in ("outputs", "outputs_no_cache")
        )
        self._check_outputs_are_apart(path, outputs, outputs_no_cache)
        workdir = self._path((*path, "workdir"), self._text((*path, "workdir"), within=item) or ".", what="a workdir")
        return Command(
            name=self._text((*path, "name"), within=item),
            help=self._text((*path, "help"), within=item),
            script=tuple(self._script((*path, "script"), item.get("script") or (), in_shell=shell is not False)),
            deps=tuple(self._paths((*path, "deps"), item.get("deps") or (), what="a dep", written=written)),
            outputs=outputs,
            outputs_no_cache=outputs_no_cache,
            no_skip=item.get("no_skip", False) in _YES,
            env=tuple(self._env(path, item.get("env") or {})),
            shell=shell,
            workdir=workdir or ".",
            timeout=_seconds(item.get("timeout")),
            retries=int(item.get("retries") or 0),
            mutex=tuple(self._texts((*path, "mutex"), item.get("mutex") or ())),
            confirm=self._text((*path, "confirm"), within=item) or None,
            written=tuple(dict.fromkeys(written)),
        )

    def _env(self, path: Path, items: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        for name, value in items.items():
            if not name or "=" in name or "\0" in name or name.startswith("env."):  # which is ${env.X} in fingerprints
                at = (*path, "env", name)
                self._problem(at, f"an environment variable cannot be named `{name}`", "rename it", key=True)
            text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
            replaced = self._interpolated((*path, "env", name), text)
            if replaced is not None:
                yield name, replaced

    def _script(self, path: Path, lines: Iterable[object], *, in_shell: bool) -> Iterator[str]:
        for index, line in enumerate(lines):
            at = (*path, index)
            text = self._interpolated(at, line, in_shell=in_shell) if isinstance(line, str) else None
            if text is None:
                continue
            if not in_shell and (word := shell_word(str(line))):
                self._problem(
                    at,
                    f"`{word}` has no meaning without a shell",
                    "add `shell: true` to the command, or put the word in quotes",
                )
            elif not in_shell and (wrong := unsplittable(text)):
                self._problem(at, wrong, "close the quote, or put a backslash before it" if text.strip() else None)
            yield text

    def _check_outputs_are_apart(self, path: Path, outputs: tuple[str, ...], no_cache: tuple[str, ...]) -> None:
        before = PathIndex()
        for index, output in enumerate([*outputs, *no_cache]):
            for other in before.overlapping(output):
                inner, outer = sorted((output, other), key=len, reverse=True)
                key = "outputs" if index < len(outputs) else "outputs_no_cache"
                at = index if index < len(outputs) else index - len(outputs)
                relation = "is listed twice" if inner == outer else f"lies inside output `{outer}`"
                self._problem((*path, key, at), f"output `{inner}` {relation}", "keep one of the two")
            before.add(output)

    # -- workflows, assets, remotes ---------------------------------------------------------------------------------

    def _workflows(self, commands: Mapping[str, Command]) -> dict[str, tuple[str, ...]]:
        workflows: dict[str, tuple[str, ...]] = {}
        for name, steps in self._mapping("workflows").items():
            if steps is None:
                continue
            if name in commands:
                self._problem(("workflows", name), f"a workflow and a command are both named `{name}`", key=True)
            workflows[name] = tuple(self._texts(("workflows", name), steps))
        for name, names in workflows.items():
            self._check_steps(name, names, commands, workflows)
        for circle in _circles({name: names for name, names in workflows.items() if name not in commands}):
            self._problem(
                ("workflows", circle[0]),
                f"workflow `{circle[0]}` contains itself: {' → '.join(circle)}",
                key=True,
            )
        return workflows

    def _check_steps(
        self,
        name: str,
        steps: tuple[str, ...],
        commands: Mapping[str, Command],
        workflows: Mapping[str, tuple[str, ...]],
    ) -> None:
        seen = set()
        for index, step in enumerate(steps):
            at: Path = ("workflows", name, index)
            if step not in commands and step not in workflows:
                close = near_match(step, [*commands, *workflows])
                hint = f"did you mean `{close}`?" if close else None
                self._problem(at, f"workflow `{name}`: no command or workflow named `{step}`", hint)
            elif step in seen:
                self._warn(at, f"workflow `{name}` lists `{step}` more than once; it runs once, at its first place")
            seen.add(step)

    def _assets(self) -> Iterator[Asset]:
        for index, item in enumerate(self.data.get("assets") or ()):
            path: Path = ("assets", index)
            if item is None:
                continue
            dest = self._path((*path, "dest"), self._text((*path, "dest"), within=item), what="an asset")
            git = item.get("git")
            yield Asset(
                dest=dest or "",
                url=self._text((*path, "url"), within=item) or None,
                git=self._git((*path, "git"), git) if git else None,
                checksum=(item.get("checksum") or "").lower() or None,
                description=self._text((*path, "description"), within=item),
                extra=bool(item.get("extra", False)),
            )

    def _git(self, path: Path, item: Mapping[str, Any]) -> Git:
        return Git(
            repo=self._text((*path, "repo"), within=item),
            path=self._text((*path, "path"), within=item),
            branch=self._text((*path, "branch"), within=item) or None,
        )

    def _remotes(self) -> dict[str, Remote]:
        remotes = {}
        for name, item in self._mapping("remotes").items():
            path: Path = ("remotes", name)
            if item is None:
                continue
            if isinstance(item, str):
                remotes[name] = Remote(name, self._interpolated(path, item) or item)
                continue
            texts = {
                key: self._text((*path, key), within=item) or None for key in ("endpoint_url", "profile", "region")
            }
            url = self._text((*path, "url"), within=item)
            remotes[name] = Remote(name, url, **texts, read_only=item.get("read_only", False))
        return remotes


def _blank(data: Any, path: Path) -> None:
    """Empty what stands at `path`, so that a value of the wrong kind is met nowhere else."""
    for part in path[:-1]:
        data = data[part]
        if data is None:  # what it lies in is blank already
            return
    if path and (isinstance(data, dict) or isinstance(path[-1], int)):
        data[path[-1]] = None


def _shell(value: object) -> Shell:
    value = value or False
    return ("sh" if value else False) if isinstance(value, bool) else str(value)


def _seconds(value: object) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return value
    found = re.fullmatch(r"([0-9.]+) *([a-z]*)", str(value))
    assert found is not None, "the schema lets nothing else through"
    return float(found[1]) * _UNITS[found[2] or "s"]


def _circles(workflows: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Each way in which a workflow contains itself, once."""
    reported: set[str] = set()
    for start in workflows:
        path: list[str] = []

        def visit(name: str, path: list[str] = path) -> list[str] | None:
            if name in path:
                return [*path[path.index(name) :], name]
            path.append(name)
            for step in workflows[name]:
                if step in workflows and (circle := visit(step)):
                    return circle
            path.pop()
            return None

        if start not in reported and (circle := visit(start)) and not reported.intersection(circle):
            reported.update(circle)
            yield circle

"""Find what is wrong or doubtful in a project that loads: cycles, alternatives, undeclared deps, words for a shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property

from weaselish.engine.run.environment import missing_env_files
from weaselish.engine.run.missing_deps import missing_dep_problems
from weaselish.engine.script_warnings import script_warnings
from weaselish.errors import Problem, ProjError, in_file_order, listed
from weaselish.load import FILE
from weaselish.model.locations import Locations, Path
from weaselish.model.paths import dep_base, inside, is_outside, normalise, overlap
from weaselish.model.project import Command
from weaselish.model.script import split_words
from weaselish.plan.graph import find_cycle, make_plan
from weaselish.plan.producers import alternatives
from weaselish.workspace import Workspace

_PORTABLE = "name it relative to the project, or put the directory into a variable of `env:`"


def findings(workspace: Workspace) -> list[Problem]:
    """Return all problems of project.yml in file order: those of parsing, and those that graph and disk show."""
    project = workspace.project
    return list(in_file_order([*project.warnings, *project.faults, *_Checks(workspace).problems()]))


def warnings_about(workspace: Workspace, command: Command) -> Iterator[Problem]:
    """Yield the warnings about one command by itself, without those of parsing."""
    yield from _Checks(workspace).about(command)


def place_of(workspace: Workspace, command: str) -> str | None:
    """Return the location of a command, `project.yml:12:5`, None if project.yml cannot be read."""
    try:
        line, column = workspace.locations.of_command(command)
    except ProjError:
        return None
    return f"{FILE}:{line}:{column}" if line else FILE


class _Checks:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._project = workspace.project

    @cached_property
    def _commands(self) -> list[Command]:
        """The commands without an error."""
        faulty = {problem.confined_to for problem in self._project.faults}
        return [command for name, command in self._project.commands.items() if ("commands", name) not in faulty]

    @property
    def _locations(self) -> Locations:
        """The locations in project.yml, which is parsed for them only if there is a problem."""
        return self._workspace.locations

    def problems(self) -> Iterator[Problem]:
        yield from self._cycles()
        yield from self._alternatives()
        yield from self._repeated_steps()
        yield from self._moved_steps()
        yield from self._missing_deps()
        for command in self._commands:
            yield from self.about(command)

    def about(self, command: Command) -> Iterator[Problem]:
        """Yield what is wrong with one command by itself."""
        yield from self._without_script(command)
        yield from self._undeclared_deps(command)
        yield from self._absolute_paths(command)
        yield from script_warnings(self._workspace, command)

    def _warning(self, command: Command, message: str, hint: str | None = None, *, at: Path = ()) -> Problem:
        location = self._locations.of_command(command.name, at)
        return Problem(*location, message, hint, is_warning=True)

    def _cycles(self) -> Iterator[Problem]:
        cycle = find_cycle(self._project)
        if cycle is not None:
            yield Problem(*self._locations.of_command(cycle.path[0]), cycle.message, cycle.hint)
            return
        if find_cycle(self._project, with_alternatives=True) is None:
            return
        for workflow in self._project.workflows:
            try:
                make_plan(self._project, [workflow])
            except ProjError as error:
                location = self._locations.of_key(("workflows", workflow))
                yield Problem(*location, f"workflow `{workflow}`: {error.message}", error.hint)

    def _alternatives(self) -> Iterator[Problem]:
        for path, names in alternatives(self._project):
            all_or_both = "both" if len(names) == 2 else "all"
            message = f"{listed(names)} {all_or_both} produce `{path}`, so they can never all be up to date"
            yield self._warning(self._project.commands[names[1]], message)

    def _repeated_steps(self) -> Iterator[Problem]:
        for workflow, steps in self._project.workflows.items():
            for index, step in enumerate(steps):
                if step in steps[:index]:
                    location = self._locations.of(("workflows", workflow, index))
                    message = f"workflow `{workflow}` lists `{step}` more than once: it runs at each position"
                    yield Problem(*location, message, "remove it if that is not what you want", is_warning=True)

    def _moved_steps(self) -> Iterator[Problem]:
        for workflow in self._project.workflows:
            try:
                moves = make_plan(self._project, [workflow]).moves
            except ProjError:  # reported as a cycle, or as a fault of the workflow
                continue
            for producer, consumer, path in moves:
                location = self._locations.of_key(("workflows", workflow))
                message = f"workflow `{workflow}`: `{producer}` runs before `{consumer}`, which needs its `{path}`"
                yield Problem(*location, message, f"list `{producer}` before `{consumer}`", is_warning=True)

    def _missing_deps(self) -> Iterator[Problem]:
        """Yield missing env files, and missing deps that no command produces and no asset fetches."""
        fetched = [asset.dest for asset in self._project.assets if asset.url or asset.git]
        consumers: dict[str, list[str]] = {}
        for command in self._commands:
            for dep in command.deps:
                can_come = self._workspace.producers.of(dep) or any(overlap(dest, dep) for dest in fetched)
                if not can_come and not self._workspace.exists(dep):
                    consumers.setdefault(dep, []).append(command.name)
        missing = missing_dep_problems(self._workspace, self._locations, consumers)
        for problem in (*missing_env_files(self._workspace), *missing):
            yield problem._replace(is_warning=True)

    def _without_script(self, command: Command) -> Iterator[Problem]:
        if not command.script:
            yield self._warning(command, f"`{command.name}` has no script: running it does nothing")

    def _undeclared_deps(self, command: Command) -> Iterator[Problem]:
        """Yield files of the project that a script line names and that are not among the deps."""
        if not command.all_outputs or command.no_skip:  # it always runs
            return
        for path in dict.fromkeys(self._named_files(command)):
            is_dep = any(inside(path, dep_base(dep)) for dep in command.deps)
            if not is_dep and not any(overlap(path, output) for output in command.all_outputs):
                message = f"`{command.name}` names `{path}`, which is not among its deps: `proj` ignores its changes"
                yield self._warning(command, message, f"add `{path}` to deps")

    def _named_files(self, command: Command) -> Iterator[str]:
        for line in command.script:
            try:
                words = split_words(line)
            except ValueError:
                continue
            for word in words:
                path = normalise(f"{command.workdir}/{word}")
                if not word.startswith(("-", "/")) and not is_outside(path) and self._is_file(path):
                    yield path

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(self._workspace.root / path)  # False for any text that cannot be a path

    def _absolute_paths(self, command: Command) -> Iterator[Problem]:
        seen: set[str] = set()
        for key in ("deps", "outputs", "metrics", "outputs_no_cache"):  # the last contains the metrics files
            for index, path in enumerate(getattr(self._workspace.parsed.commands[command.name], key)):
                if path.startswith("/") and path not in seen:
                    seen.add(path)
                    message = f"`{path}` is absolute: on other machines it may not exist"
                    yield self._warning(command, message, _PORTABLE, at=(key, index))

"""Find what is wrong or doubtful in a project that loads: cycles, alternatives, undeclared deps, words for a shell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import product

from weaselish.engine import events
from weaselish.engine.command_warnings import command_warnings
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.inside_project import BESIDE, misplaced
from weaselish.engine.remote.resolve import find_remote
from weaselish.engine.run.environment import missing_env_files
from weaselish.engine.run.missing_deps import missing_dep_problems
from weaselish.errors import Problem, ProjError, UnknownName, in_file_order, listed
from weaselish.load import FILE
from weaselish.model.locations import Locations, Path
from weaselish.model.project import Command
from weaselish.plan.graph import find_cycle, make_plan
from weaselish.plan.producers import alternatives, nested_outputs, reads
from weaselish.workspace import Workspace


def findings(workspace: Workspace, *, report: events.Reporter) -> list[Problem]:
    """Return all problems of project.yml in file order: those of parsing, and those that graph and disk show."""
    workspace.observer = ReadingEvents(report)
    project = workspace.project
    return list(in_file_order([*project.warnings, *project.faults, *_Checks(workspace).problems()]))


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
        yield from self._remotes_of_artifacts()
        yield from self._misplaced_remotes()
        yield from self._nested_outputs()
        yield from self._about_commands()

    def _remotes_of_artifacts(self) -> Iterator[Problem]:
        """Yield artifacts whose remote is neither of the project nor of the user."""
        for artifact in self._project.artifacts.values():
            try:
                find_remote(self._workspace, artifact.remote)
            except UnknownName as error:
                location = self._locations.of(("artifacts", artifact.name, "remote"))
                yield Problem(*location, f"artifact `{artifact.name}`: {error.message}", error.hint)
            except ProjError:  # a fault of the remote, which is reported as such
                continue

    def _misplaced_remotes(self) -> Iterator[Problem]:
        for name in self._project.remotes:
            with suppress(ProjError):  # a fault of the remote, which is reported as such
                if (problem := misplaced(self._workspace, find_remote(self._workspace, name))) is not None:
                    yield Problem(*self._locations.of_key(("remotes", name)), problem, BESIDE)

    def _nested_outputs(self) -> Iterator[Problem]:
        """Yield outputs inside an output of another command: each run of one puts the other out of date."""
        for inner, outer in nested_outputs(self._commands):
            for name, owner in product(inner.producers, outer.producers):
                if name == owner:
                    continue
                what = f"`{inner.path}` is inside `{outer.path}`, an output of `{owner}`"
                hint = "name outputs that do not contain each other"
                yield self._warning(
                    self._project.commands[name], f"{what}: a run of one puts the other out of date", hint
                )

    def _about_commands(self) -> Iterator[Problem]:
        """Yield the warnings about each command; of a matrix those about the first step that has any."""
        noted: set[str] = set()
        for command in self._commands:
            if command.matrix is None:
                yield from command_warnings(self._workspace, command)
            elif command.matrix.command not in noted:
                found = list(command_warnings(self._workspace, command))
                noted |= {command.matrix.command} if found else set()
                yield from found

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
        """Yield missing env files, and missing deps that no command produces and that are not fetched."""
        fetched = [asset.dest for asset in self._project.assets if asset.url or asset.git]
        fetched += [artifact.path for artifact in self._project.artifacts.values() if artifact.is_imported]
        consumers: dict[str, list[str]] = {}
        for command in self._commands:
            for dep in command.deps:
                can_come = self._workspace.producers.of(dep) or any(reads(dep, dest) for dest in fetched)
                if not can_come and not self._workspace.exists(dep):
                    consumers.setdefault(dep, []).append(command.name)
        missing = missing_dep_problems(self._workspace, self._locations, consumers)
        for problem in (*missing_env_files(self._workspace), *missing):
            yield problem._replace(is_warning=True)

"""`Project`: everything that the command line can do, from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ignore
from weaselish.api.history import History
from weaselish.api.jobs import Jobs
from weaselish.api.running import Running
from weaselish.api.sharing import Sharing
from weaselish.cancel import Cancel

if TYPE_CHECKING:
    from weaselish.api.snapshots import Snapshots
    from weaselish.compat.dvc import Pipeline
    from weaselish.engine.clone import Cloned
    from weaselish.engine.run.accept import Acceptance
    from weaselish.engine.starter import Started
    from weaselish.engine.variables import Variable
    from weaselish.errors import Problem
    from weaselish.model.project import Command, ProjectModel
    from weaselish.plan.reasons import Reason


class Project(Running, Jobs, Sharing, History):
    """A project directory. Each method reads it anew; nothing stays open between calls.

    Methods raise ProjError subclasses for what the user can fix. `cancel` ends the work from another thread or a
    signal handler: the method then raises Cancelled, and `run` returns an interrupted result. `on_event` receives
    what happens, one event at a time, from any thread.
    """

    @classmethod
    def load(cls, directory: str | os.PathLike[str] = ".", *, overrides: Mapping[str, str] | None = None) -> Project:
        """Return the project in `directory`, with overrides such as `{"vars.epochs": "5"}`.

        Raises UsageError if project.yml does not exist, and InvalidProject, with all problems, if it has errors.
        """
        project = cls(directory, overrides=overrides)
        project._open()
        return project

    # -- what project.yml says --------------------------------------------------------------------------------------

    @property
    def model(self) -> ProjectModel:
        """All of project.yml, with variables substituted and `${env.X}` still unresolved."""
        return self._open().project

    @property
    def commands(self) -> tuple[str, ...]:
        """The names of all commands, each step of a matrix included."""
        return tuple(self.model.commands)

    @property
    def workflows(self) -> Mapping[str, tuple[str, ...]]:
        """The commands of each workflow, in listed order."""
        model = self.model
        return {name: model.steps_of(name) for name in model.workflows}

    @property
    def root(self) -> Path:
        """The project's directory, which holds project.yml."""
        return self._open().root

    def location_of(self, command: str) -> tuple[int, int]:
        """Return the line and column of a command in project.yml, (0, 0) if they are unknown."""
        return self._open().locations.of_command(command)

    @property
    def shown_model(self) -> ProjectModel:
        """The model with `${env.X}` resolved in its title, description and help texts, secrets masked."""
        from weaselish.engine.shown_texts import shown_text

        workspace = self._open()

        def shown(text: str) -> str:
            return shown_text(workspace, text)

        model = workspace.project
        commands = {name: command._replace(help=shown(command.help)) for name, command in model.commands.items()}
        matrices = {name: matrix._replace(help=shown(matrix.help)) for name, matrix in model.matrices.items()}
        return model._replace(
            title=shown(model.title), description=shown(model.description), commands=commands, matrices=matrices
        )

    @property
    def version(self) -> str:
        """The project's version. Raises ProjError if it has none."""
        from weaselish.engine.artifacts.project_version import project_version

        return project_version(self._open())

    def bump(self, part: str) -> tuple[str, str]:
        """Raise the `major`, `minor` or `patch` number of the version. Return the old and the new version."""
        from weaselish.engine.artifacts.project_version import bump

        return bump(self._open(), part)

    def document(self, *, emoji: bool = True) -> str:
        """Return the project's commands, workflows, graph, assets and remotes as Markdown."""
        from weaselish.engine.readme import section

        workspace = self._open()
        return section(workspace.project, exists=lambda path: (workspace.root / path).exists(), emoji=emoji)

    def dvc_pipeline(self, workflow: str) -> Pipeline:
        """Return a workflow as a dvc.yaml. Raises InvalidProject for errors confined to it or its commands."""
        from weaselish.compat.dvc import pipeline
        from weaselish.engine.run.planning import check_usable

        workspace = self._open()
        check_usable(workspace, [workflow])
        return pipeline(workspace.project, workflow, self._overrides)

    def validate(self, *, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[Problem]:
        """Return every error and warning about project.yml, in the order of the file."""
        from weaselish.engine.validate import findings

        return findings(self._open(cancel), report=on_event)

    def vars(self, *, sources: Mapping[str, str] | None = None) -> list[Variable]:
        """Return every variable with its value and source, secrets masked. `sources` says where overrides come from."""
        from weaselish.engine.variables import variables_of

        given = dict.fromkeys(self._overrides, "override") | dict(sources or {})
        return variables_of(self._open(), self._overrides, given)

    def secrets(self) -> frozenset[str]:
        """Return the values of declared and resolved secrets, which no text about the project may show."""
        from weaselish.engine.run.secrets import hidden_values

        workspace = self._open()
        commands = workspace.project.commands.values()
        return frozenset().union(*(hidden_values(workspace, command) for command in commands))

    @property
    def snapshots(self) -> Snapshots:
        """Snapshots of the project on remotes: `project.snapshots.push(...)`."""
        from weaselish.api.snapshots import Snapshots

        return Snapshots(self._directory, overrides=self._overrides)

    # -- past runs -----------------------------------------------------------------------------------------------------

    def accept(self, *names: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[Acceptance]:
        """Record the current outputs of commands as results of runs, without running anything.

        Of a workflow, it takes the commands that have outputs. A command that cannot be accepted has an `error`.
        """
        from weaselish.engine.run.accept import accept, named_for_accept

        with self._opened(cancel) as workspace:
            return accept(workspace, named_for_accept(workspace.project, names), report=on_event)

    def acceptable(
        self, *, on_event: OnEvent = ignore, cancel: Cancel | None = None
    ) -> list[tuple[Command, tuple[Reason, ...]]]:
        """Return the commands that are out of date only because a record is missing, with their reasons to run."""
        from weaselish.engine.run.accept import acceptable

        with self._opened(cancel) as workspace:
            return acceptable(workspace, report=on_event)

    def reset(self, *names: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> tuple[str, ...]:
        """Delete the records of commands and workflows, which then count as never run. Return the commands.

        It takes the names of commands that project.yml no longer has, if a run of them is recorded.
        """
        from weaselish.engine.run.accept import reset

        with self._opened(cancel) as workspace:
            return reset(workspace, names, report=on_event)

    # -- new projects -----------------------------------------------------------------------------------------------

    @staticmethod
    def clone(
        name: str,
        dest: str | os.PathLike[str] | None = None,
        *,
        repo: str | None = None,
        branch: str | None = None,
        sparse: bool = False,
        cancel: Cancel | None = None,
    ) -> Cloned:
        """Copy a template, or the directory `name` of a git repository, to `dest`, by default named after it."""
        from weaselish.engine.clone import CloneOptions, clone

        options = CloneOptions(None if dest is None else os.fspath(dest), repo, branch, sparse)
        return clone(name, options, cancel=cancel or Cancel())

    @staticmethod
    def init(directory: str | os.PathLike[str] = ".") -> Started:
        """Write a small project that runs. Replaces nothing; raises UsageError if project.yml exists."""
        from weaselish.engine.starter import init

        return init(os.fspath(directory))

    def set_up(
        self,
        *,
        on_line: Callable[[str], None] = lambda line: None,
        on_output: Callable[[bytes], None] = lambda data: None,
        cancel: Cancel | None = None,
    ) -> None:
        """Create the project's `.venv`, unless it exists, and install its requirements, with uv if it is installed.

        `on_line` receives each command line before it runs, `on_output` what it prints. Raises ProjError if one fails.
        """
        from weaselish.engine.setup import set_up, without_environment
        from weaselish.executors.local.executor import LocalExecutor
        from weaselish.executors.stdin import Stdin
        from weaselish.load import find_root

        root = find_root(self._directory)
        stdin = Stdin.TERMINAL if os.isatty(0) and os.isatty(2) else Stdin.NULL
        executor = LocalExecutor(root, without_environment(os.environ), stdin=stdin)
        set_up(root, executor, on_line=on_line, on_output=on_output, cancel=cancel or Cancel())

    @staticmethod
    def schema() -> str:
        """Return the JSON Schema of project.yml."""
        from weaselish.model.schema import schema_text

        return schema_text()

    @staticmethod
    def templates() -> dict[str, str]:
        """Return the title of each template that comes with proj."""
        from weaselish.engine.templates import template_titles

        return template_titles()

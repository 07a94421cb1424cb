"""`Project`: everything that the command line can do, from Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ignore, store_opener
from weaselish.api.sharing import Sharing
from weaselish.cancel import Cancel
from weaselish.model.interpolate import put_env

if TYPE_CHECKING:
    from weaselish.compat.dvc import Pipeline
    from weaselish.engine import events
    from weaselish.engine.clone import Cloned
    from weaselish.engine.dry_run import PlannedStep
    from weaselish.engine.run.accept import Acceptance
    from weaselish.engine.run.run import RunResult
    from weaselish.engine.status import Graph, StepStatus
    from weaselish.engine.variables import Variable
    from weaselish.errors import Problem
    from weaselish.executors.base import Stdin
    from weaselish.model.project import Command, ProjectModel
    from weaselish.plan.graph import Plan
    from weaselish.plan.reasons import Reason
    from weaselish.records.history import PastRun


class Project(Sharing):
    """A project directory. Each method reads it anew; nothing stays open between calls.

    Methods raise ProjError subclasses for what the user can fix. `cancel` ends the work from another thread or a
    signal handler: the method then raises Cancelled, and `run` returns an interrupted result. `on_event` receives
    what happens, one event at a time, from any thread.
    """

    @classmethod
    def load(cls, directory: str | os.PathLike[str] = ".", *, overrides: Mapping[str, str] | None = None) -> Project:
        """Return the project in `directory`, with overrides such as `{"vars.epochs": "5"}`.

        Raises UsageError if project.yml does not exist, InvalidProject with all of its problems.
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

    @property
    def shown_model(self) -> ProjectModel:
        """The model with `${env.X}` resolved in its title, description and help texts, secrets masked."""
        workspace = self._open()

        def shown(text: str) -> str:
            return put_env(text, workspace.shown_env)

        model = workspace.project
        commands = {name: command._replace(help=shown(command.help)) for name, command in model.commands.items()}
        return model._replace(title=shown(model.title), description=shown(model.description), commands=commands)

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

    def validate(self) -> list[Problem]:
        """Return every error and warning about project.yml, in the order of the file."""
        from weaselish.engine.validate import findings

        return findings(self._open())

    def vars(self, *, sources: Mapping[str, str] | None = None) -> list[Variable]:
        """Return every variable with its value and source, secrets masked. `sources` says where overrides come from."""
        from weaselish.engine.variables import variables_of

        given = dict.fromkeys(self._overrides, "override") | dict(sources or {})
        return variables_of(self._open(), self._overrides, given)

    # -- steps ------------------------------------------------------------------------------------------------------

    def plan(self, *targets: str, only: bool = False) -> Plan:
        """Return the steps that a run of `targets` would consider, in order. Raises UnknownName, Cycle, MissingDep."""
        from weaselish.engine.run.planning import plan_for

        return plan_for(self._open(), targets, only=only)

    def status(
        self, *targets: str, remote: str | None = None, on_event: OnEvent = ignore, cancel: Cancel | None = None
    ) -> list[StepStatus]:
        """Return the status of each step of the targets, by default of all commands.

        With `remote`, it includes whether a matching run is there.
        """
        from weaselish.engine.status import status

        with self._opened(cancel) as workspace:
            return status(workspace, targets, remote=remote, open_store=store_opener(workspace), report=on_event)

    def graph(self, *targets: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> Graph:
        """Return the steps of the targets, by default of all commands, with their status and edges."""
        from weaselish.engine.status import graph

        with self._opened(cancel) as workspace:
            return graph(workspace, targets, report=on_event)

    def preview(
        self,
        *targets: str,
        only: bool = False,
        force: bool = False,
        args: Sequence[str] = (),
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> list[PlannedStep]:
        """Return what a run would do, without running: each step with its reasons and script lines."""
        from weaselish.engine.dry_run import preview_run

        with self._opened(cancel) as workspace:
            return preview_run(workspace, targets, only=only, force=force, args=tuple(args), report=on_event)

    def run(
        self,
        *targets: str,
        jobs: int = 1,
        only: bool = False,
        force: bool = False,
        keep_going: bool = False,
        wait: bool = True,
        args: Sequence[str] = (),
        stdin: Stdin | None = None,
        confirm: Callable[[str, str], bool] = lambda step, question: False,
        on_event: OnEvent | None = None,
        cancel: Cancel | None = None,
    ) -> RunResult:
        """Run targets, and whatever they depend on, if out of date. A failing script does not raise.

        Without `on_event`, the output of scripts goes to `sys.stdout`, in a notebook, too. `confirm` answers the
        question of a command with `confirm:`. `stdin` is what steps read when they run one at a time.
        """
        from weaselish.engine.run.run import RunOptions, run
        from weaselish.executors.base import Stdin as Source
        from weaselish.executors.open import Executors

        options = RunOptions(jobs, only, force, keep_going, wait, tuple(args))
        with (
            self._opened(cancel) as workspace,
            Executors(workspace.root, os.environ, stdin or Source.NULL) as executors,
        ):
            return run(
                workspace,
                targets,
                options,
                executor_for=executors.executor_for,
                report=on_event or print_output,
                confirm=confirm,
            )

    def log(self, *names: str, most: int | None = None, on_event: OnEvent = ignore) -> list[PastRun]:
        """Return the last runs, at most `most`, of commands and workflows, by default of all; the newest last."""
        from weaselish.engine.log import runs_of

        runs = runs_of(self._open(), names, report=on_event)
        return runs if most is None else runs[-most:]

    def accept(self, *names: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[Acceptance]:
        """Record the current outputs of commands as results of runs, without running anything.

        Of a workflow, it takes the commands that have outputs. A command that cannot be accepted has an `error`.
        """
        from weaselish.engine.run.accept import accept
        from weaselish.plan.sequence import listed_commands

        with self._opened(cancel) as workspace:
            project = workspace.project
            steps = [project.commands[step] for step in listed_commands(project, names)]
            return accept(workspace, [one for one in steps if one.all_outputs or one.name in names], report=on_event)

    def acceptable(self, *, cancel: Cancel | None = None) -> list[tuple[Command, tuple[Reason, ...]]]:
        """Return the commands that are out of date only for want of a record, with their reasons to run."""
        from weaselish.engine.run.accept import acceptable

        with self._opened(cancel) as workspace:
            return acceptable(workspace)

    def reset(self, *names: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> tuple[str, ...]:
        """Delete the records of commands and workflows, which then count as never run. Return the commands."""
        from weaselish.engine.run.accept import reset
        from weaselish.plan.sequence import listed_commands

        with self._opened(cancel) as workspace:
            steps = listed_commands(workspace.project, names)
            reset(workspace, steps, report=on_event)
        return steps

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
    def templates() -> dict[str, str]:
        """Return the title of each template that comes with proj."""
        from weaselish.engine.clone import template_titles

        return template_titles()


def print_output(event: events.Event) -> None:
    """Write the output of scripts, and why a step failed, to `sys.stdout`."""
    from weaselish.engine import events as kinds

    if isinstance(event, kinds.StepOutput):
        sys.stdout.write(event.data.decode("utf-8", "replace"))
        sys.stdout.flush()
    elif isinstance(event, kinds.StepFailed):
        sys.stdout.write(f"{event.message}\n")

"""proj from Python: notebooks, scripts, tests.

>>> from weaselish import Project
>>> project = Project.load("demo")
>>> project.run("train", jobs=4).exit_code
0
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.run.planning import Preview, plan_for, preview
from weaselish.engine.run.run import RunOptions, RunResult, run
from weaselish.executors.open import Executors
from weaselish.plan.graph import Plan
from weaselish.workspace import Workspace

__all__ = ["Plan", "Preview", "Project", "RunResult", "project_assets", "project_run"]


class Project:
    """A project directory. Each call looks at it afresh; nothing is held open between calls."""

    def __init__(self, directory: str | os.PathLike[str], overrides: Mapping[str, str]) -> None:
        self._directory = directory
        self._overrides = dict(overrides)

    @classmethod
    def load(cls, directory: str | os.PathLike[str] = ".", *, overrides: Mapping[str, str] | None = None) -> Project:
        """The project in `directory`. `overrides`: `{"vars.epochs": "5"}`.

        Raises UsageError where there is no project.yml, InvalidProject with all that is wrong with it.
        """
        project = cls(directory, overrides or {})
        project._open()
        return project

    def _open(self, cancel: Cancel | None = None) -> Workspace:
        return Workspace.open(self._directory, self._overrides, cancel)

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(self._open().project.commands)

    @property
    def workflows(self) -> Mapping[str, tuple[str, ...]]:
        """Workflow -> its commands, in listed order."""
        project = self._open().project
        return {name: project.steps_of(name) for name in project.workflows}

    def plan(self, *targets: str, only: bool = False) -> Plan:
        """The steps that a run of `targets` would consider, in order. Raises UnknownName, Cycle, MissingDep."""
        return plan_for(self._open(), targets, only=only)

    def status(self, *targets: str) -> list[Preview]:
        """Each step of the targets (all commands, if none is named), with the reasons why it would run."""
        workspace = self._open()
        plan = plan_for(workspace, targets or tuple(workspace.project.commands), lenient=True)
        found = preview(workspace, plan)
        workspace.save()
        return found

    def run(
        self,
        *targets: str,
        jobs: int = 1,
        only: bool = False,
        force: bool = False,
        keep_going: bool = False,
        args: Sequence[str] = (),
        on_event: Callable[[events.Event], None] | None = None,
        cancel: Cancel | None = None,
    ) -> RunResult:
        """Bring `targets` up to date. A failing script is no exception: see `RunResult.exit_code` and `.results`.

        `on_event` hears everything as it happens, from whichever thread, one event at a time; without it, what scripts
        write goes to `sys.stdout`, also in a notebook. Raises ProjError for what is wrong before anything starts.
        """
        options = RunOptions(jobs=jobs, only=only, force=force, keep_going=keep_going, args=tuple(args))
        report = on_event or _print_output
        with Cancel() if cancel is None else nullcontext(cancel) as token:
            workspace = self._open(token)
            with Executors(workspace.root, os.environ) as executors:
                return run(workspace, targets, options, executor_for=executors.executor_for, report=report)


def _print_output(event: events.Event) -> None:
    if isinstance(event, events.StepOutput):
        sys.stdout.write(event.data.decode("utf-8", "replace"))
        sys.stdout.flush()
    elif isinstance(event, events.StepFailed):
        sys.stdout.write(f"{event.message}\n")


def project_run(
    project_dir: str | os.PathLike[str],
    subcommand: str,
    *,
    overrides: Mapping[str, object] | None = None,
    force: bool = False,
    dry: bool = False,
    capture: bool = False,
) -> None:
    """Run a command or workflow, as tests of Weasel projects call it.

    A failure ends the process with the script's exit code; with `capture`, it raises subprocess.CalledProcessError,
    whose `output` holds all that was written. `dry` prints the script lines and runs nothing.
    """
    texts = {name: value if isinstance(value, str) else str(value) for name, value in (overrides or {}).items()}
    project = Project.load(project_dir, overrides=texts)
    if dry:
        _print_lines(project._open(), subcommand)
        return
    written = bytearray()

    def hear(event: events.Event) -> None:
        if isinstance(event, events.StepOutput) and capture:
            written.extend(event.data)
        else:
            _print_output(event)

    result = project.run(subcommand, force=force, on_event=hear)
    if result.exit_code and capture:
        output = written.decode("utf-8", "replace")
        raise subprocess.CalledProcessError(result.exit_code, ["proj", "run", subcommand], output=output)
    if result.exit_code:
        sys.exit(result.exit_code)


def _print_lines(workspace: Workspace, target: str) -> None:
    from weaselish.engine.run.job import announced_lines

    plan = plan_for(workspace, [target], only=True)
    for step in plan.steps:
        for line in announced_lines(workspace, plan.command(step)):
            print(f"Running command: {line}")


def project_assets(
    project_dir: str | os.PathLike[str],
    *,
    overrides: Mapping[str, object] | None = None,
    extra: bool = False,
    sparse_checkout: bool = False,
) -> None:
    """Fetch a project's assets, as scripts of Weasel projects call it. Ends the process with 1 if one is wrong."""
    from weaselish.engine.assets.check import AssetOptions, AssetState
    from weaselish.engine.assets.fetch import fetch_assets
    from weaselish.stores.open import open_store

    texts = {name: value if isinstance(value, str) else str(value) for name, value in (overrides or {}).items()}
    workspace = Workspace.open(project_dir, texts)
    results = fetch_assets(
        workspace,
        AssetOptions(extra=extra, sparse=sparse_checkout),
        open_store=lambda remote: open_store(remote, root=workspace.root, cancel=workspace.cancel),
        report=lambda event: None,
    )
    for result in results:
        print(f"{result.dest}: {result.message or result.state}")
    if any(result.state is AssetState.FAILED for result in results):
        sys.exit(1)

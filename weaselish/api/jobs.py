"""The part of the Python interface that is about running jobs, and the executors on which they run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ProjectDirectory, ignore
from weaselish.cancel import Cancel

if TYPE_CHECKING:
    from weaselish.engine.executors import ExecutorInfo, ExecutorTest, Leftover
    from weaselish.engine.running_steps import RunningStep
    from weaselish.executors.open import Executors
    from weaselish.workspace import Workspace


class Jobs(ProjectDirectory):
    """Methods that show and end running steps, on this machine or elsewhere."""

    def running(self, *, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[RunningStep]:
        """Return the steps that run or wait in a queue, the oldest first."""
        from weaselish.engine.running_steps import running_steps

        with self._with_executors(cancel) as (workspace, executors):
            return running_steps(workspace, executors, on_event)

    def stop(self, *names: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> list[RunningStep]:
        """End the scripts of commands or workflows. Return the steps that ran. Raises UnknownName."""
        from weaselish.engine.running_steps import stop_steps
        from weaselish.model.targets import commands_of

        with self._with_executors(cancel) as (workspace, executors):
            steps = [step for name in names for step in commands_of(workspace.project, name)]
            return stop_steps(workspace, steps, executors, on_event)

    def shell(self, name: str, *, executor: str | None = None) -> int:
        """Open a shell on the terminal, with the image and environment of a command. Return its exit code."""
        from weaselish.engine.run.planning import sole_command
        from weaselish.engine.shell import open_shell

        with self._with_executors(None, chosen=executor) as (workspace, executors):
            step = sole_command(workspace.project, [name])
            return open_shell(workspace, executors, workspace.project.commands[step])

    @property
    def executors(self) -> list[ExecutorInfo]:
        """The executors of project.yml, and the one on this machine."""
        from weaselish.engine.executors import list_executors

        return list_executors(self._open())

    def test_executor(self, name: str, *, cancel: Cancel | None = None) -> ExecutorTest:
        """Run `true` on an executor. Raises ProjError if that is impossible."""
        from weaselish.engine.executors import run_test

        with self._with_executors(cancel) as (workspace, executors):
            return run_test(workspace, executors, name)

    def clean_executor(self, name: str, *, dry: bool = False, on_event: OnEvent = ignore) -> list[Leftover]:
        """Remove the jobs of this project for which no living `proj` waits. Return them. Raises ProjError."""
        from weaselish.engine.executors import clean, leftovers

        with self._with_executors(None) as (workspace, executors):
            executor, found = leftovers(workspace, executors, name, on_event)
            if not dry:
                clean(executor, found)
            return found

    @contextmanager
    def _with_executors(
        self, cancel: Cancel | None, *, chosen: str | None = None
    ) -> Iterator[tuple[Workspace, Executors]]:
        from weaselish.executors.open import Executors as Opened

        with (
            self._opened(cancel) as workspace,
            Opened(workspace.root, os.environ, model=workspace.project.executors, chosen=chosen) as executors,
        ):
            yield workspace, executors

"""The part of the Python interface that plans, checks and runs steps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ProjectDirectory, ignore, store_opener
from weaselish.cancel import Cancel

if TYPE_CHECKING:
    from weaselish.engine import events
    from weaselish.engine.dry_run import PlannedStep
    from weaselish.engine.picture import Past, Picture
    from weaselish.engine.run.run import RunResult
    from weaselish.engine.status import Graph, StepStatus
    from weaselish.engine.watch import Watch
    from weaselish.executors.stdin import Stdin
    from weaselish.graphs.formats import GraphFormat
    from weaselish.plan.graph import Plan
    from weaselish.workspace import Workspace


class Running(ProjectDirectory):
    """Methods that plan and run targets, and report which of their steps are up to date.

    Of the options that select steps, `only` leaves out what the targets depend on, `from_step` the steps before a step
    in the plan's order, `until_step` those after one. `force` runs the targets even if they are up to date, `force_all`
    also everything upstream.
    """

    def plan(
        self, *targets: str, only: bool = False, from_step: str | None = None, until_step: str | None = None
    ) -> Plan:
        """Return the steps that a run of `targets` would consider, in order. Raises UnknownName, UsageError, Cycle."""
        from weaselish.engine.run.planning import plan_for
        from weaselish.plan.selection import Selection

        return plan_for(self._open(), targets, Selection(only, from_step, until_step))

    def status(
        self,
        *targets: str,
        remote: str | None = None,
        cache: bool = False,
        within: float | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> list[StepStatus]:
        """Return the status of each step of the targets, by default of all commands.

        With `remote`, it includes whether a matching run is there. With `cache`, outputs that the run cache holds count
        as present. With `within`, it reads deps and outputs for no more than that many seconds, and leaves steps that
        need more unchecked.
        """
        from weaselish.engine.status import status

        with self._opened(cancel) as workspace:
            return status(
                workspace,
                targets,
                remote=remote,
                cache=cache,
                within=within,
                open_store=store_opener(workspace),
                report=on_event,
            )

    def graph(self, *targets: str, on_event: OnEvent = ignore, cancel: Cancel | None = None) -> Graph:
        """Return the steps of the targets, by default of all commands, with their status and edges."""
        from weaselish.engine.status import graph

        with self._opened(cancel) as workspace:
            return graph(workspace, targets, report=on_event)

    def picture(
        self,
        *targets: str,
        within: float | None = None,
        past: Past | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Picture:
        """Return the graph with all that a drawing shows: durations, last runs and the critical path.

        With `within`, it reads deps and outputs for no more than that many seconds. `past` saves reading the journals.
        """
        from weaselish.engine.picture import picture

        with self._opened(cancel) as workspace:
            return picture(workspace, targets, within=within, past=past, report=on_event)

    def draw(
        self, *targets: str, form: GraphFormat | str = "svg", on_event: OnEvent = ignore, cancel: Cancel | None = None
    ) -> str:
        """Return the graph as text in a format: `svg`, `html` (one page without network), `dot` or `mermaid`."""
        from weaselish.graphs.formats import GraphFormat, render

        return render(self.picture(*targets, on_event=on_event, cancel=cancel), GraphFormat(form))

    def preview(
        self,
        *targets: str,
        only: bool = False,
        from_step: str | None = None,
        until_step: str | None = None,
        force: bool = False,
        force_all: bool = False,
        args: Sequence[str] = (),
        cache: str | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> list[PlannedStep]:
        """Return what a run would do, without running: each step with its reasons and script lines."""
        from weaselish.engine.dry_run import preview_run
        from weaselish.plan.selection import Selection

        selection = Selection(only, from_step, until_step, force, force_all)
        with self._opened(cancel) as workspace:
            return preview_run(
                workspace,
                targets,
                selection,
                args=tuple(args),
                cache=cache,
                open_store=store_opener(workspace),
                report=on_event,
            )

    def run(
        self,
        *targets: str,
        jobs: int = 1,
        only: bool = False,
        from_step: str | None = None,
        until_step: str | None = None,
        force: bool = False,
        force_all: bool = False,
        keep_going: bool = False,
        wait: bool = True,
        strict_env: bool = False,
        args: Sequence[str] = (),
        cache: str | None = None,
        gpus: str | None = None,
        executor: str | None = None,
        stdin: Stdin | None = None,
        interactive: Stdin | None = None,
        confirm: Callable[[str, str], bool] = lambda step, question: False,
        stop: Callable[[], bool] = lambda: False,
        on_event: OnEvent | None = None,
        cancel: Cancel | None = None,
    ) -> RunResult:
        """Run targets, and whatever they depend on, if out of date. A failing script does not raise.

        Without `on_event`, the output of scripts goes to `sys.stdout`, in a notebook, too. `confirm` answers the
        question of a command with `confirm:`. `stdin` is what steps read, `interactive` what interactive ones read.
        Once a step has run, no other step starts after `stop` returns true. With `strict_env`, scripts get only
        variables that the project declares, and those that programs need to start. `cache` names a remote to use as
        run cache instead of the one in project.yml; "off" stands for none. `gpus` is how many GPUs steps may use: a
        number or "auto". `executor` runs all steps, whatever their commands name.
        """
        from weaselish.engine.run.run import RunOptions, run
        from weaselish.executors.open import Executors
        from weaselish.executors.stdin import Stdin as Source
        from weaselish.plan.selection import Selection

        selection = Selection(only, from_step, until_step, force, force_all)
        options = RunOptions(selection, jobs, keep_going, wait, tuple(args), cache, gpus)
        with (
            self._opened(cancel) as workspace,
            Executors(
                workspace.root,
                _environ(workspace, strict_env),
                stdin or Source.NULL,
                interactive,
                model=workspace.project.executors,
                chosen=executor,
            ) as executors,
        ):
            return run(
                workspace,
                targets,
                options,
                executors=executors,
                open_store=store_opener(workspace),
                report=on_event or print_output,
                confirm=confirm,
                stop=stop,
            )

    def watch(
        self,
        *targets: str,
        only: bool = False,
        from_step: str | None = None,
        until_step: str | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Watch:
        """Return a watch of everything that `targets` depend on and do not produce themselves.

        In a `with` block, call its `begin` before each run and its `wait` after it. From then on, this object refers
        to the directory that it found, even while project.yml is missing.
        """
        from weaselish.engine.watch import Watch
        from weaselish.load import find_root
        from weaselish.plan.selection import Selection

        self._directory = root = find_root(self._directory)
        token = cancel or Cancel()
        selection = Selection(only, from_step, until_step)
        return Watch(root, lambda: self._open(token), targets, selection, cancel=token, report=on_event)


def _environ(workspace: Workspace, strict: bool) -> Mapping[str, str]:
    """Return the environment of scripts, to which their commands add their own variables."""
    if not strict:
        return os.environ
    from weaselish.model.strict_env import strict_environ

    return strict_environ(os.environ, {*workspace.dotenv_names, *workspace.project.env.values()})


def print_output(event: events.Event) -> None:
    """Write the output of scripts, and why a step failed, to `sys.stdout`."""
    from weaselish.engine import events as kinds

    if isinstance(event, kinds.StepOutput):
        sys.stdout.write(event.data.decode("utf-8", "replace"))
        sys.stdout.flush()
    elif isinstance(event, kinds.StepFailed):
        sys.stdout.write(f"{event.message}\n")

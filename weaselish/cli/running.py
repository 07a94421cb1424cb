"""Runs targets for `proj run`: shows events as they happen, and a summary at the end."""

from __future__ import annotations

import enum
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.opening import show_notices
from weaselish.executors.stdin import Stdin
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.cancel import Cancel
    from weaselish.cli.reporter import ConsoleReporter, OutputMode
    from weaselish.cli.run_options import Settings
    from weaselish.cli.stage import Estimates
    from weaselish.cli.subcommand import Call
    from weaselish.engine.run.run import RunResult

_PATIENCE = 0.3  # seconds of hashing that an estimate is worth


class Form(enum.Enum):
    """What `proj run` prints on stdout."""

    TEXT = enum.auto()  # the output of scripts
    JSON = enum.auto()  # one document at the end
    JSON_LINES = enum.auto()  # each event as a line, when it happens


class View(NamedTuple):
    """How `proj run` shows a run, and answers its questions."""

    form: Form = Form.TEXT
    output: OutputMode | None = None
    yes: bool = False
    cancel: Cancel | None = None  # ends this run only
    stop: Callable[[], bool] = lambda: False  # whether to start no further step
    notify: str | None = None  # how to tell the user that a long run has ended


def run_targets(call: Call, project: Project, targets: Sequence[str], settings: Settings, view: View) -> int:
    """Run targets in the terminal; return the exit code."""
    from weaselish.cli.questions import confirmation
    from weaselish.cli.reporter import OutputMode
    from weaselish.cli.signals import cancelling_in_stages
    from weaselish.cli.stage import Stage
    from weaselish.engine import events

    reporter = _reporter(call, project, view)
    begun = time.monotonic()

    def show(event: events.Event) -> None:
        if isinstance(event, events.RunStarted):  # so the plan contains no step with an error
            show_notices(event.plan.project)
        reporter(event)
        if view.form is Form.JSON_LINES:
            from weaselish.cli.json_output import print_json_line

            print_json_line(event.to_json())

    stage = Stage(reporter, show, _estimates(project, targets, settings))
    is_alone = settings.jobs == 1 and reporter.mode(settings.jobs) is not OutputMode.LIVE
    with cancelling_in_stages(call.cancel, stage.erasing), stage:
        result = project.run(
            *targets,
            **settings._asdict(),
            stdin=_stdin() if is_alone else Stdin.NULL,
            interactive=_stdin(),
            confirm=stage.asking(confirmation(view.yes, call.cancel)),
            stop=view.stop,
            on_event=stage,
            cancel=view.cancel or call.cancel,
        )
        summary = reporter.summary(result)  # imports: outside this block, Ctrl-C could interrupt them
    seconds = time.monotonic() - begun
    reporter.show_summary("" if call.is_quiet and not result.exit_code else summary, result)
    if view.form is Form.JSON:
        from weaselish.cli.json_output import print_json
        from weaselish.cli.run_json import result_as_json

        print_json(result_as_json(result, reporter.reasons))
    _notify(call, targets, view, result, seconds)
    return result.exit_code


def _estimates(project: Project, targets: Sequence[str], settings: Settings) -> Estimates:
    def up_to_date() -> list[str]:
        if settings.force or settings.force_all:
            return []
        from weaselish.engine.status import Status

        steps = project.status(*targets, within=_PATIENCE)
        return [step.step.command for step in steps if step.status is Status.UP_TO_DATE]

    from weaselish.cli.stage import Estimates

    return Estimates(project.usual_seconds, up_to_date)


def _reporter(call: Call, project: Project, view: View) -> ConsoleReporter:
    """Return what shows the run: in GitHub Actions, with groups and annotations."""
    from weaselish.cli.console import is_on_github

    stream = None if view.form is Form.TEXT else sys.stderr.buffer
    if is_on_github():
        from weaselish.cli.github import GitHubReporter

        return GitHubReporter(project, stream, output=view.output, is_verbose=call.is_verbose)
    from weaselish.cli.reporter import ConsoleReporter

    can_be_live = view.form is not Form.JSON_LINES
    return ConsoleReporter(stream, output=view.output, is_verbose=call.is_verbose, can_be_live=can_be_live)


def _notify(call: Call, targets: Sequence[str], view: View, result: RunResult, seconds: float) -> None:
    if view.notify is None and not os.environ.get("PROJ_NOTIFY"):
        return
    if result.interrupted is not None and not call.cancel.level:
        return  # a change interrupted the run, and the next one follows
    from weaselish.cli.notify import Ended, notify
    from weaselish.cli.signals import cancelling_in_stages

    ended = Ended(targets, result.exit_code, seconds, is_interrupted=result.interrupted is not None)
    with cancelling_in_stages(call.cancel):
        notify(view.notify, ended, call.cancel)


def _stdin() -> Stdin:
    """Return what a step that runs alone reads: the terminal if there is one, else our stdin."""
    return Stdin.TERMINAL if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else Stdin.INHERIT

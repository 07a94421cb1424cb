"""`proj run`."""

from __future__ import annotations

import enum
import os
import select
import sys
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from weaselish.cli.arguments import Extras, jobs_at_once, names_and_directory
from weaselish.cli.opening import open_project, show_notices
from weaselish.cli.subcommand import JSON, NAMES_HELP, Call, Option, Subcommand, Takes, dry
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.executors.base import Stdin

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.cancel import Cancel
    from weaselish.cli.reporter import ConsoleReporter, OutputMode
    from weaselish.engine.run.run import RunResult
    from weaselish.model.project import ProjectModel


def run(
    call: Call,
    *,
    dry: bool,
    force: bool,
    only: bool,
    jobs: str | None,
    keep_going: bool,
    yes: bool,
    wait: bool,
    output: str | None,
    as_json: bool,
    json_lines: bool,
    show_help: bool,
) -> int:
    """Run `proj run`; return its exit code. Without a name, list the project."""
    if as_json and json_lines:
        raise UsageError("`--json` and `--json-lines` exclude each other", hint="leave one of them out")
    names, directory = names_and_directory(call.words)
    if not names:
        from weaselish.cli.list import list_project

        return list_project(call.extras, directory)
    project = open_project(call, directory, notices=False)
    if show_help:
        from weaselish.cli.list import show_names

        show_notices(project.model)
        return show_names(project, names)
    _check_args(project.model, names, call.extras)
    settings = Settings(jobs_at_once(jobs, os.environ), only, force, keep_going, wait, call.extras.args)
    try:
        if dry:
            from weaselish.cli.dry_run import dry_run

            return dry_run(call, project, names, settings, as_json=as_json)
        mode = _output_mode(output or ("quiet" if call.is_quiet else None))
        form = Form.JSON if as_json else Form.JSON_LINES if json_lines else Form.TEXT
        return _run_targets(call, project, names, settings, yes=yes, output=mode, form=form)
    except UnknownName:
        show_notices(project.model)  # an error in project.yml may be why the name is unknown
        raise


class Form(enum.Enum):
    """What `proj run` prints on stdout."""

    TEXT = enum.auto()  # the output of scripts
    JSON = enum.auto()  # one document at the end
    JSON_LINES = enum.auto()  # each event as a line, when it happens


class Settings(NamedTuple):
    """The options of `proj run` that `Project.run` takes."""

    jobs: int
    only: bool
    force: bool
    keep_going: bool
    wait: bool
    args: tuple[str, ...]


def _run_targets(
    call: Call,
    project: Project,
    targets: Sequence[str],
    settings: Settings,
    *,
    yes: bool,
    output: OutputMode | None,
    form: Form,
) -> int:
    """Run targets, showing events as they happen and a summary at the end; return the exit code."""
    from weaselish.cli.json_output import print_json, print_json_line
    from weaselish.cli.reporter import ConsoleReporter
    from weaselish.cli.signals import cancelling_in_stages
    from weaselish.engine import events

    reporter = ConsoleReporter(None if form is Form.TEXT else sys.stderr.buffer, output=output)

    def report(event: events.Event) -> None:
        if isinstance(event, events.RunStarted):  # so the plan contains no step with an error
            show_notices(project.model)
        reporter(event)
        if form is Form.JSON_LINES:
            print_json_line(event.to_json())

    with cancelling_in_stages(call.cancel):
        result = project.run(
            *targets,
            **settings._asdict(),
            stdin=_stdin(settings.jobs),
            confirm=_confirm(yes, call.cancel),
            on_event=report,
            cancel=call.cancel,
        )
        summary = reporter.summary(result)  # imports: outside this block, Ctrl-C could interrupt them
    reporter.show_summary("" if call.is_quiet and not result.exit_code else summary, result)
    if form is Form.JSON:
        print_json(_as_json(result, reporter))
    return result.exit_code


def _check_args(project: ProjectModel, targets: Sequence[str], extras: Extras) -> None:
    """Refuse arguments after `--` unless exactly one command with a script is named."""
    if not extras.args:
        return
    if len(targets) != 1 or targets[0] in project.workflows:
        raise UsageError("arguments after `--` go to one command", hint="name one command, not a workflow")
    command = project.commands.get(targets[0])
    if command is not None and not command.script:
        raise UsageError(f"`{command.name}` has no script that could take arguments")


def _stdin(jobs: int) -> Stdin:
    """Return what steps read: the terminal if there is one, else our stdin; nothing in parallel."""
    if jobs > 1:
        return Stdin.NULL
    return Stdin.TERMINAL if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else Stdin.INHERIT


def _output_mode(name: str | None) -> OutputMode | None:
    from weaselish.cli.reporter import OutputMode

    names = [mode.value for mode in OutputMode]
    if name is not None and name not in names:
        raise UnknownName("output mode", name, names)
    return None if name is None else OutputMode(name)


def _confirm(yes: bool, cancel: Cancel) -> Callable[[str, str], bool]:
    from weaselish.cli.console import say

    one_at_a_time = Lock()

    def confirm(step: str, question: str) -> bool:
        if yes:
            return True
        if sys.stdin is None or not sys.stdin.isatty():
            raise ProjError(f"`{step}` asks: {question}", hint="answer with `--yes` if you have no terminal")
        with one_at_a_time:
            say(f"{step}: {question} [y/N] ")
            return typed_line(cancel).strip().lower() in ("y", "yes")

    return confirm


def typed_line(cancel: Cancel) -> str:
    """Return the line that the user types, or nothing once the run is cancelled."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), select.POLLIN)
    poll.register(cancel.fileno(), select.POLLIN)
    poll.poll()
    return "" if cancel.level else sys.stdin.readline()


def _as_json(result: RunResult, reporter: ConsoleReporter) -> dict[str, Any]:
    return {
        "targets": list(result.plan.targets),
        "exit_code": result.exit_code,
        "steps": [
            {
                "step": row.step,
                "result": row.state.value,
                "seconds": round(row.seconds, 3),
                "exit_code": row.exit_code,
                "reasons": [str(reason) for reason in reporter.reasons.get(row.step, ())],
            }
            for row in result.results
        ],
    }


SUBCOMMANDS = (
    Subcommand(
        "run",
        run,
        "Run commands or workflows, and whatever they depend on, if out of date.\n\n"
        "What follows `--` is appended to the last script line of the one command named. "
        "`--vars.NAME VALUE` overrides a variable.",
        (
            dry("Print the lines that would run, and why; change nothing."),
            Option("force", ("--force", "-F"), "Run the named steps even if they are up to date."),
            Option("only", ("--only",), "Run only the named steps, not their dependencies."),
            Option(
                "jobs",
                ("--jobs", "-j"),
                "Steps at a time: a number or `auto`; default PROJ_JOBS or 1.",
                Takes.TEXT,
                "N",
            ),
            Option("keep_going", ("--keep-going", "-k"), "After a failure, run the steps that do not depend on it."),
            Option("yes", ("--yes", "-y"), "Answer yes when a command asks with `confirm`."),
            Option("wait", ("--wait",), "Wait for other processes that run the same steps; or fail.", off="--no-wait"),
            Option(
                "output",
                ("--output",),
                "How to show what scripts write: raw, prefix, group or quiet; default raw, with -j prefix.",
                Takes.TEXT,
                "HOW",
            ),
            JSON,
            Option("json_lines", ("--json-lines",), "Print each event on stdout as a line of JSON, as it happens."),
            Option("show_help", ("--help", "-h"), "Show this message, or help for NAME."),
        ),
        usage="[NAME]... [DIR]",
        words_help=NAMES_HELP,
        most_words=None,
        examples=("proj run all -j 4", "proj run train --vars.epochs 9", "proj run train -- --resume"),
    ),
)

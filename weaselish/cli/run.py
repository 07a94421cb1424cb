"""`proj run`."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from weaselish.cancel import Cancel
from weaselish.cli.arguments import Extras
from weaselish.cli.console import say, warn
from weaselish.cli.interrupts import cancelling_in_stages
from weaselish.cli.reporter import ConsoleReporter, OutputMode
from weaselish.engine.run.run import RunOptions, RunResult, run
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.executors.open import open_executor
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.run.job import Stdin


def run_targets(
    workspace: Workspace,
    targets: Sequence[str],
    options: RunOptions,
    *,
    yes: bool = False,
    output: str | None = None,
    as_json: bool = False,
) -> int:
    for problem in workspace.project.warnings:
        warn(problem.located(), problem.hint)
    reporter = ConsoleReporter(sys.stderr.buffer if as_json else None, output=_output(output))
    with workspace.cancel as cancel, cancelling_in_stages(cancel):
        result = run(
            workspace,
            targets,
            options,
            open_executor=open_executor,
            report=reporter,
            confirm=_confirm(yes, cancel),
        )
        summary = reporter.summary(result)  # here, as it imports: Python cannot always end an import on Ctrl-C in peace
    say(summary)
    if as_json:
        print(json.dumps(_as_json(result, reporter), indent=2))
    return result.exit_code


def check_args(workspace: Workspace, targets: Sequence[str], extras: Extras) -> None:
    """Arguments after `--` go to one command's last line; refuse them where that is not plain."""
    if not extras.args:
        return
    if len(targets) != 1 or targets[0] in workspace.project.workflows:
        raise UsageError("arguments after `--` go to one command", hint="name one command, not a workflow")
    command = workspace.project.commands.get(targets[0])
    if command is not None and not command.script:
        raise UsageError(f"`{command.name}` has no script that could take arguments")


def stdin_for(jobs: int) -> Stdin:
    """A terminal where we have one; else our own stdin, for the one step that runs at a time."""
    if jobs > 1:
        return "null"
    return "terminal" if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else "inherit"


def _output(name: str | None) -> OutputMode | None:
    known = [output.value for output in OutputMode]
    if name is not None and name not in known:
        raise UnknownName("way of output", name, known)
    return None if name is None else OutputMode(name)


def _confirm(yes: bool, cancel: Cancel) -> Callable[[str, str], bool]:
    one_at_a_time = Lock()

    def confirm(step: str, question: str) -> bool:
        if yes:
            return True
        if sys.stdin is None or not sys.stdin.isatty():
            raise ProjError(f"`{step}` asks: {question}", hint="answer with `--yes` where there is no terminal")
        with one_at_a_time:
            say(f"{step}: {question} [y/N] ")
            return _typed_line(cancel).strip().lower() in ("y", "yes")

    return confirm


def _typed_line(cancel: Cancel) -> str:
    """What is typed; nothing as soon as the run is to end."""
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

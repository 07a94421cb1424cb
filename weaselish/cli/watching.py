"""`proj run --watch`: runs targets again when something changes that they depend on."""

from __future__ import annotations

import enum
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.api.project import Project
from weaselish.cli.console import say, show_error
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.run_options import Settings, check_args
from weaselish.cli.running import View, run_targets
from weaselish.cli.units import counted
from weaselish.errors import Cancelled, ProjError, UsageError, listed

if TYPE_CHECKING:
    from weaselish.cli.subcommand import Call
    from weaselish.engine.watch import Watch

_CLEAR = "\x1b[H\x1b[2J"
_MOST_NAMES = 3  # of changed files


class WatchMode(enum.Enum):
    """What happens to a running step when something changes."""

    FINISH = "finish"  # it ends first
    RESTART = "restart"  # it is interrupted


def watch_targets(
    call: Call, targets: Sequence[str], directory: str | None, settings: Settings, view: View, mode: WatchMode
) -> int:
    """Run targets, and again after each change, until the user ends it; return the exit code."""
    project = Project(directory, overrides=call.extras.overrides)
    with project.watch(
        *targets,
        only=settings.only,
        from_step=settings.from_step,
        until_step=settings.until_step,
        on_event=show_note,
        cancel=call.cancel,
    ) as watch:
        is_first = True
        while True:
            count = watch.begin()
            try:
                _run(call, targets, settings, view, watch, mode)
            except ProjError as error:
                if is_first and isinstance(error, UsageError):
                    raise
                show_error(error)
            if call.cancel.level:
                return call.cancel.exit_code
            is_first = False
            say(f"{_now()} waiting for changes in {counted(count, 'path')} (Ctrl-C ends)")
            changed = _wait(watch)
            _clear_screen()
            say(f"{_now()} changed: {listed(changed, most=_MOST_NAMES)}")


def _run(call: Call, targets: Sequence[str], settings: Settings, view: View, watch: Watch, mode: WatchMode) -> None:
    project = open_project(call, os.fspath(watch.root), notices=False)
    check_args(project.model, targets, call.extras)
    if mode is WatchMode.RESTART:
        with watch.interrupting() as cancel:
            run_targets(call, project, targets, settings, view._replace(cancel=cancel))
    else:
        run_targets(call, project, targets, settings, view._replace(stop=watch.has_changed))


def _wait(watch: Watch) -> tuple[str, ...]:
    """Wait for the next change. When the user ends the watch, begin a line for the prompt after the terminal's `^C`."""
    try:
        return watch.wait()
    except Cancelled:
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        raise


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _clear_screen() -> None:
    """Clear the screen, if stdout or stderr is a terminal that can."""
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            stream.write(_CLEAR)
            stream.flush()
            return

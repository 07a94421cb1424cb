"""Jobs as processes of this machine."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic

from weaselish.cancel import Cancel
from weaselish.executors.base import Ending, Job, Line, Outcome, announcement
from weaselish.executors.local.processes import ProcessTree
from weaselish.executors.local.running import RunningLine
from weaselish.executors.local.terminal import STDIN, Terminal, make_controlling


class LocalExecutor:
    """Each line is a process that leads a session of its own; nothing is shared between jobs, and no thread is made.

    `grace` is how many seconds there are between SIGTERM and SIGKILL where this executor sends them by itself: after a
    timeout, and to what a failed line left behind. Where `cancel` asks, the engine sets the pace.

    With `stdin="terminal"` (one job at a time; "inherit" if our standard input is no terminal) Ctrl-C also raises
    `cancel` by one level, Ctrl-Z suspends us, our terminal is raw while a line runs, and what is still attached to the
    pty when its line has ended is hung up, as when a window is closed.
    """

    def __init__(self, *, grace: float = 5.0) -> None:
        self._grace = grace

    def run(self, job: Job, *, output: Callable[[bytes], None], cancel: Cancel) -> Outcome:
        tree = ProcessTree()
        outcome = None
        try:
            outcome = self._run_lines(job, tree, output, cancel)
        finally:
            if not outcome or not outcome.succeeded:
                tree.end(self._grace, cancel)
        return outcome

    def close(self) -> None:
        pass

    def _run_lines(self, job: Job, tree: ProcessTree, output: Callable[[bytes], None], cancel: Cancel) -> Outcome:
        deadline = inf if job.timeout is None else monotonic() + job.timeout
        for index, line in enumerate(job.lines):
            if cancel.level:
                return Outcome(Ending.INTERRUPTED, 130, index)
            if monotonic() >= deadline:
                return Outcome(Ending.TIMED_OUT, 124, index)
            output(announcement(line.shown))
            started = _in_terminal if job.stdin == "terminal" and os.isatty(STDIN) else _in_pipe
            try:
                with started(job, line) as (process, source, terminal):
                    running = RunningLine(process, tree, source, terminal, output, cancel, deadline, self._grace)
                    outcome = running.finish()
            except _NotStarted as error:
                outcome = _why_not_started(error.reason, job, line)
            if not outcome.succeeded:
                return outcome._replace(line=index)
        return Outcome(Ending.EXITED, 0)


class _NotStarted(Exception):
    def __init__(self, reason: OSError | ValueError) -> None:
        self.reason = reason


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null byte or a lone surrogate in argv or env
        raise _NotStarted(error) from error


_Started = Iterator[tuple[subprocess.Popen[bytes], int, Terminal | None]]


@contextmanager
def _in_pipe(job: Job, line: Line) -> _Started:
    with _starting():
        reader, writer = os.pipe()
    try:
        try:
            process = _start(job, line, subprocess.DEVNULL if job.stdin == "null" else None, writer)
        finally:
            os.close(writer)
        yield process, reader, None
    finally:
        os.close(reader)


@contextmanager
def _in_terminal(job: Job, line: Line) -> _Started:
    with _starting():
        lent = Terminal()
    with lent as terminal:
        terminal.refresh()
        process = _start(job, line, terminal.slave, terminal.slave, make_controlling)
        terminal.close_slave()
        yield process, terminal.master, terminal


def _start(
    job: Job, line: Line, stdin: int | None, stdout: int, before_exec: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Without `before_exec` by vfork, which is the fast way, and the safe one where there are threads."""
    with _starting():
        return subprocess.Popen(
            line.argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stdout,
            cwd=job.workdir,
            env=job.env,
            start_new_session=True,
            pass_fds=job.keep_open,
            preexec_fn=before_exec,
        )


def _why_not_started(reason: OSError | ValueError, job: Job, line: Line) -> Outcome:
    program = line.argv[0]
    message = f"`{program}` could not be started: {getattr(reason, 'strerror', None) or reason}"
    if isinstance(reason, OSError) and reason.filename == job.workdir:
        why = "does not exist" if isinstance(reason, FileNotFoundError) else f"cannot be entered: {reason.strerror}"
        message = f"`{program}` was not started: the working directory `{job.workdir}` {why}"
    elif (found := _find_program(program, job)) is None:
        where = "" if os.sep in program else " on PATH"
        return Outcome(Ending.NOT_STARTED, 127, message=f"`{program}` was not found{where}")
    elif os.path.isdir(found):
        message = f"`{program}` is a directory"
    elif isinstance(reason, PermissionError):
        message = f"`{program}` is not executable (`chmod +x {program}`?)"
    elif isinstance(reason, FileNotFoundError):
        message = f"`{program}` could not be started: the interpreter that its first line names was not found"
    elif isinstance(reason, OSError) and reason.errno == errno.ENOEXEC:
        message = f"`{program}` is neither a program for this machine nor a script that begins with `#!`"
    return Outcome(Ending.NOT_STARTED, 126, message=message)


def _find_program(program: str, job: Job) -> str | None:
    """The first file of that name, executable or not, where the line itself looked for it."""
    folders = [""] if os.sep in program else os.get_exec_path(job.env)
    paths = (os.path.join(job.workdir, folder, program) for folder in folders)
    return next((path for path in paths if os.path.lexists(path)), None)

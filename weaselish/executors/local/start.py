"""Starts one line as a process of this machine, connected to a pipe or to a pseudo-terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from weaselish.executors.local.not_started import NotStarted
from weaselish.executors.local.terminal import STDIN, Terminal, make_controlling
from weaselish.executors.stdin import Stdin
from weaselish.named_tuple import NamedTuple

_PR_SET_PDEATHSIG = 1  # of prctl

Started = tuple[subprocess.Popen[bytes], int, Terminal | None]  # where its output is read, and the terminal lent to it


class LocalLine(NamedTuple):
    """A line as this machine executes it."""

    argv: tuple[str, ...]
    workdir: str  # absolute
    env: Mapping[str, str]  # complete
    stdin: Stdin
    keep_open: tuple[int, ...]  # descriptors that the process inherits
    dies_with_us: bool = False  # the process is killed when our main thread has ended, where the system can do that
    program: str | None = None  # the file to execute; without it, the system looks for `argv[0]` on PATH

    def found(self, program: str) -> LocalLine:
        """Return the line with the file that PATH leads to, so that a new process need not look for it."""
        return self if os.sep in self.argv[0] else self._replace(program=program)  # `$0` keeps a relative path


@contextmanager
def start_line(line: LocalLine) -> Iterator[Started]:
    """Start a line. Its end of the connection is closed with the block. Raises NotStarted."""
    terminal = _open_terminal() if line.stdin is Stdin.TERMINAL and os.isatty(STDIN) else None
    with _in_pipe(line) if terminal is None else _in_terminal(line, terminal) as started:
        yield started


def _open_terminal() -> Terminal | None:
    """Open a pseudo-terminal; None where the system has none to give, so that the line gets our own terminal."""
    try:
        return Terminal()
    except OSError:
        return None


@contextmanager
def _in_pipe(line: LocalLine) -> Iterator[Started]:
    with _starting():
        reader, writer = os.pipe()
    try:
        try:
            before_exec = _death_signal() if line.dies_with_us else None
            process = _start(line, subprocess.DEVNULL if line.stdin is Stdin.NULL else None, writer, before_exec)
        finally:
            os.close(writer)
        yield process, reader, None
    finally:
        os.close(reader)


def _death_signal() -> Callable[[], None] | None:
    """Return what a new process calls so that it dies with its parent; None where the system is not Linux."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # before the fork

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def _in_terminal(line: LocalLine, terminal: Terminal) -> Iterator[Started]:
    with terminal:
        terminal.refresh()
        process = _start(line, terminal.slave, terminal.slave, make_controlling)
        terminal.close_slave()
        yield process, terminal.master, terminal


def _start(
    line: LocalLine, stdin: int | None, stdout: int, before_exec: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Without `before_exec`, Popen uses vfork, which is fast, and safe where there are threads."""
    with _starting():
        return subprocess.Popen(
            line.argv,
            executable=line.program,
            stdin=stdin,
            stdout=stdout,
            stderr=stdout,
            cwd=line.workdir,
            env=line.env,
            start_new_session=True,
            pass_fds=line.keep_open,
            preexec_fn=before_exec,
        )


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null byte or a lone surrogate in argv or env
        raise NotStarted(error) from error

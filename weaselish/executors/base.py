"""The executor protocol: what a job is, and how it ended."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from weaselish.cancel import Cancel


class Line(NamedTuple):
    """One script line. `argv` is what is executed, `shown` what is announced (secrets masked, POSIX-quoted)."""

    argv: tuple[str, ...]
    shown: str


class Job(NamedTuple):
    """A step handed to an executor. Nothing in it needs the project to be understood."""

    name: str
    lines: tuple[Line, ...]
    workdir: str  # absolute
    env: Mapping[str, str]  # the whole environment of the lines; PATH included
    timeout: float | None = None  # seconds for all lines together
    stdin: Literal["terminal", "inherit", "null"] = "null"  # terminal: a pty that is the child's controlling terminal
    keep_open: tuple[int, ...] = ()  # file descriptors that the children inherit: they hold our locks


def announcement(shown: str) -> bytes:
    """What an executor hands to `output`, in one piece, before a line."""
    return b"Running command: " + shown.encode("utf-8", "backslashreplace") + b"\n"


class Ending(enum.Enum):
    """How a job ended."""

    EXITED = "exited"  # every line ran and exited 0, or one exited with another code
    SIGNALLED = "signalled"  # a line was killed by a signal that we did not send
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"  # because `cancel` said so
    NOT_STARTED = "not started"  # a line's program was not found (127) or could not be executed (126)


class Outcome(NamedTuple):
    """How a job ended. `exit_code` follows the shell: 128 + n for signal n, 124 for a timeout, 126 and 127."""

    ended: Ending
    exit_code: int
    line: int | None = None  # index of the line at which the job ended, unless it succeeded
    message: str | None = None  # for NOT_STARTED: what is wrong, in one line

    @property
    def succeeded(self) -> bool:
        return self.ended is Ending.EXITED and self.exit_code == 0


class Executor(Protocol):
    """Where jobs run. `run` blocks; the engine calls it from several threads at once and owns those threads.

    Lines run in order until one fails. Before each line, `Running command: SHOWN` goes to `output`, then everything the
    line writes (stdout and stderr, in the order written), as it arrives, from the thread that called `run`. A slow
    `output` slows the line down and delays timeout and cancellation while it blocks. When `output` raises, the executor
    ends the job and `run` raises the same. A job that is cancelled while a line runs is INTERRUPTED, however the line
    reacts.

    When `run` returns or raises, no process of the job's process groups is alive, unless the job succeeded and left one
    behind on purpose.
    """

    def run(self, job: Job, *, output: Callable[[bytes], None], cancel: Cancel) -> Outcome: ...

    def close(self) -> None: ...

"""The executor protocol: what a job is, how it ended, and how it is asked to stop."""

from __future__ import annotations

import enum
import itertools
import os
import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Line:
    """One script line. `argv` is what is executed, `shown` what is announced (secrets masked, POSIX-quoted)."""

    argv: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class Job:
    """A step handed to an executor. Nothing in it needs the project to be understood."""

    name: str
    lines: tuple[Line, ...]
    workdir: str  # absolute
    env: Mapping[str, str]  # the whole environment of the lines; PATH included
    timeout: float | None = None  # seconds for all lines together
    stdin: Literal["terminal", "inherit", "null"] = "null"  # terminal: a pty that is the child's controlling terminal
    keep_open: tuple[int, ...] = field(default=())  # file descriptors that the children inherit: they hold our locks


def announcement(shown: str) -> bytes:
    """What an executor hands to `output`, in one piece, before a line."""
    return b"Running command: " + shown.encode("utf-8", "backslashreplace") + b"\n"


class Ended(enum.Enum):
    """How a job ended."""

    EXITED = "exited"  # every line ran and exited 0, or one exited with another code
    SIGNALLED = "signalled"  # a line was killed by a signal that we did not send
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"  # because `stop` said so
    NOT_STARTED = "not started"  # a line's program was not found (127) or could not be executed (126)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. `exit_code` follows the shell: 128 + n for signal n, 124 for a timeout, 126 and 127."""

    ended: Ended
    exit_code: int
    line: int | None = None  # index of the line at which the job ended, unless it succeeded
    message: str | None = None  # for NOT_STARTED: what is wrong, in one line

    @property
    def succeeded(self) -> bool:
        return self.ended is Ended.EXITED and self.exit_code == 0


class Level(enum.IntEnum):
    """How urgently running jobs are asked to end; it only ever rises."""

    RUN = 0
    INTERRUPT = 1
    TERMINATE = 2
    KILL = 3


class Stop:
    """The request to end, shared by the engine and every running job. Thread-safe.

    It takes no lock, so that a signal handler may raise it while any thread, its own too, is anywhere in here.
    """

    def __init__(self) -> None:
        self._reached = [False] * Level.KILL  # INTERRUPT, TERMINATE, KILL; one that is reached never falls
        self._pipes = [os.pipe() for _ in self._reached]

    def __del__(self) -> None:
        for fd in itertools.chain(*self._pipes):
            os.close(fd)

    @property
    def level(self) -> Level:
        return Level(sum(self._reached))

    def raise_to(self, level: Level) -> None:
        for index in range(level):
            if not self._reached[index]:
                self._reached[index] = True
                os.write(self._pipes[index][1], b"!")

    def fileno(self, *, above: Level = Level.RUN) -> int:
        """A descriptor that becomes, and stays, readable when the level is above `above`, which is less than KILL.

        To be polled, never read or closed.
        """
        return self._pipes[above][0]

    def wait(self, timeout: float | None, *, above: Level = Level.RUN) -> Level:
        """The level, as soon as it is above `above`, at the latest after `timeout` seconds."""
        poll = select.poll()
        if above < Level.KILL:
            poll.register(self.fileno(above=above), select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1000)
        return self.level


class Executor(Protocol):
    """Where jobs run. `run` blocks; it is called from several threads at once, and the engine owns those threads.

    Lines run in order until one fails. Before each line `Running command: SHOWN` goes to `output`, then everything that
    the line writes (stdout and stderr, in the order written), as it comes, from the thread that called `run`. A slow
    `output` slows the line down, and holds up timeout and `stop` while it blocks; when it raises, the job is ended and
    `run` raises the same. A job that is told to stop while a line runs is INTERRUPTED, however the line takes it.

    When `run` returns or raises, no process of the job's process groups is alive, unless the job succeeded and left one
    behind on purpose.
    """

    def run(self, job: Job, *, output: Callable[[bytes], None], stop: Stop) -> Outcome: ...

    def close(self) -> None: ...

"""Cancellation: one token tells everything that can block that it should end."""

from __future__ import annotations

import enum
import os
import select
import signal
import threading
from collections.abc import Callable
from io import FileIO
from math import inf
from time import monotonic, sleep
from typing import Self

from weaselish.errors import Cancelled

LONGEST_POLL = 86400.0  # seconds; poll takes at most 2**31 milliseconds
_TICK = 0.05  # seconds between two checks of the level if it cannot be polled


class Level(enum.IntEnum):
    """How urgently the work should end. It only rises."""

    RUN = 0
    INTERRUPT = 1
    TERMINATE = 2
    KILL = 3


class Cancel:
    """A request to end, shared by everything that works on one task. Thread-safe.

    `request` takes no lock, so that a signal handler may call it while any thread, including its own, is inside any
    method. `on_request` is called with each level that is reached, possibly in a signal handler. A child is cancelled
    with its parent; cancelling a child leaves the parent running. The pipes behind `fileno` and `wait` are opened when
    they are first needed: use the token as a context manager, or close it when nothing can request it any more.
    """

    def __init__(self, parent: Cancel | None = None) -> None:
        self.on_request: Callable[[Level], object] = lambda level: None
        self.signal: int = signal.SIGINT  # the signal that caused the request; decides the exit code
        self._reached = [False] * Level.KILL  # INTERRUPT, TERMINATE, KILL
        self._pipes: list[tuple[FileIO, FileIO] | None] = [None] * Level.KILL
        self._opening = threading.Lock()
        self._children: dict[Cancel, None] = {}
        self._parent = parent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pipes and detach from the parent."""
        if self._parent is not None:
            self._parent._children.pop(self, None)
        for index, pipe in enumerate(self._pipes):
            self._pipes[index] = None  # so that a later request does not write to it
            if pipe is not None:
                for end in pipe:
                    end.close()

    def child(self) -> Cancel:
        """Return a token for one part of the work. Close it when that part has ended."""
        child = Cancel(self)
        self._children[child] = None
        if self.level:
            child.signal = self.signal
            child.request(self.level)
        return child

    @property
    def level(self) -> Level:
        return Level(sum(self._reached))

    @property
    def exit_code(self) -> int:
        """The exit code of a process that ends because of this request: 128 + the signal's number."""
        return 128 + self.signal

    def request(self, level: Level = Level.INTERRUPT, *, signum: int | None = None) -> None:
        """Raise the level to at least `level`. `signum` is the signal that asked for it; the first one counts."""
        if signum is not None and not self.level:
            self.signal = signum
        new = [index for index in range(level) if not self._reached[index]]
        self._reached[:level] = [True] * level  # at once: no thread sees a lower level on the way
        for index in new:
            self._wake(index)
        if new:
            self.on_request(level)
        for child in list(self._children):
            child.request(level, signum=signum)

    def check(self) -> None:
        """Raise Cancelled if the work should end."""
        if self._reached[0]:
            raise Cancelled(self.exit_code)

    def wait(self, timeout: float | None, *, above: Level = Level.RUN) -> Level:
        """Return the level as soon as it is above `above`, at the latest after `timeout` seconds."""
        poll = select.poll()
        if above < Level.KILL:
            try:
                poll.register(self.fileno(above=above), select.POLLIN)
            except OSError:  # no more files may be open
                return self._wait_without_pipe(timeout, above)
        poll.poll(None if timeout is None else min(timeout, LONGEST_POLL) * 1000)
        return self.level

    def _wait_without_pipe(self, timeout: float | None, above: Level) -> Level:
        give_up = inf if timeout is None else monotonic() + timeout
        while self.level <= above and (left := give_up - monotonic()) > 0:
            sleep(min(left, _TICK))
        return self.level

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`. Raises Cancelled as soon as the work should end."""
        self.wait(seconds)
        self.check()

    def fileno(self, *, above: Level = Level.RUN) -> int:
        """Return a descriptor that becomes, and stays, readable when the level is above `above` (less than KILL).

        Poll it; do not read or close it. Raises OSError if no more files may be open.
        """
        with self._opening:
            pipe = self._pipes[above]
            if pipe is None:
                pipe = self._pipes[above] = _pipe()
        if self._reached[above]:  # requested before the pipe existed
            self._wake(above)
        return pipe[0].fileno()

    def _wake(self, index: int) -> None:
        pipe = self._pipes[index]
        if pipe is not None:
            pipe[1].write(b"!")


def _pipe() -> tuple[FileIO, FileIO]:
    """Open a pipe as two files: they close themselves without running Python code that an interrupt could hit.

    The writing end does not block, however often it is written to.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    return FileIO(reader, "rb"), FileIO(writer, "wb")

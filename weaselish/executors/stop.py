"""How running jobs are asked to end."""

from __future__ import annotations

import enum
import os
import select
from collections.abc import Callable
from io import FileIO
from typing import Self


class Level(enum.IntEnum):
    """How urgently running jobs are asked to end; it only ever rises."""

    RUN = 0
    INTERRUPT = 1
    TERMINATE = 2
    KILL = 3


class Stop:
    """The request to end, shared by the engine and every running job. Thread-safe.

    It takes no lock, so that a signal handler may raise it while any thread, its own too, is anywhere in here.
    `on_rise` is called with each level that is reached, wherever it is raised, in a signal handler too. It holds pipes:
    use it as a context manager, or close it when nobody may raise it any more.
    """

    def __init__(self) -> None:
        self.on_rise: Callable[[Level], object] = lambda level: None
        self._reached = [False] * Level.KILL  # INTERRUPT, TERMINATE, KILL; one that is reached never falls
        self._pipes = [_pipe() for _ in self._reached]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for reader, writer in self._pipes:
            reader.close()
            writer.close()

    @property
    def level(self) -> Level:
        return Level(sum(self._reached))

    def raise_to(self, level: Level) -> None:
        new = [index for index in range(level) if not self._reached[index]]
        for index in new:
            self._reached[index] = True
            self._pipes[index][1].write(b"!")
        if new:
            self.on_rise(level)

    def fileno(self, *, above: Level = Level.RUN) -> int:
        """A descriptor that becomes, and stays, readable when the level is above `above`, which is less than KILL.

        To be polled, never read or closed.
        """
        return self._pipes[above][0].fileno()

    def wait(self, timeout: float | None, *, above: Level = Level.RUN) -> Level:
        """The level, as soon as it is above `above`, at the latest after `timeout` seconds."""
        poll = select.poll()
        if above < Level.KILL:
            poll.register(self.fileno(above=above), select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1000)
        return self.level


def _pipe() -> tuple[FileIO, FileIO]:
    """As files: they close themselves without any code of Python's, which an interrupt would meet."""
    reader, writer = os.pipe()
    return FileIO(reader, "rb"), FileIO(writer, "wb")

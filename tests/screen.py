"""A program on a terminal of its own: the tests type on its keyboard and read its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte
from harness import TIMEOUT


class _Emulated(pyte.Screen):
    """Answers what programs ask the terminal."""

    def __init__(self, columns: int, lines: int, answer: Callable[[str], None]) -> None:
        super().__init__(columns, lines)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


class Screen:
    """Runs a program on a pseudo-terminal whose screen is emulated."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, environ: Mapping[str, str], *, columns: int = 80, lines: int = 40
    ) -> None:
        self._screen = _Emulated(columns, lines, self.press)
        self._stream = pyte.ByteStream(self._screen)
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], list(argv), {**environ, "TERM": "xterm", "COLUMNS": str(columns)})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    @property
    def text(self) -> str:
        """What is on the screen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def cells(self) -> list[list[pyte.screens.Char]]:
        """The characters of each line with their colours, up to the last line that is not blank."""
        count = len(self.text.splitlines())
        return [[self._screen.buffer[line][column] for column in range(self._screen.columns)] for line in range(count)]

    def wait_for(self, text: str) -> str:
        """Read until the screen shows a text; return all of the screen."""
        self.wait_until(lambda: text in self.text)
        return self.text

    def wait_until(self, is_reached: Callable[[], bool]) -> None:
        """Read until the screen is as a function wants it."""
        until = time.monotonic() + TIMEOUT
        while not is_reached():
            assert time.monotonic() < until, f"the screen stays as it is:\n{self.text}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                self._stream.feed(os.read(self._terminal, 1 << 16))

"""`proj` at a terminal whose screen a test can read, as an emulator shows it."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from fcntl import ioctl

import pyte
from harness import TIMEOUT, ProjectDir


class Screen:
    """A terminal in which `proj WORDS` runs. `history` holds every line that scrolled out of the top."""

    def __init__(
        self,
        project: ProjectDir,
        *words: str,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        environ = {**project.environ, "TERM": "xterm-256color", **(env or {})}
        environ.pop("COLUMNS", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "weaselish", *words],
            cwd=project.path,
            env={name: value for name, value in environ.items() if value},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        self._set_size(columns, rows)

    def _set_size(self, columns: int, rows: int) -> None:
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def lines(self) -> list[str]:
        """What the window shows, without empty lines at the end."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def history(self) -> list[str]:
        """Everything that was printed and stayed, from the first line on."""
        top = [
            "".join(line[column].data for column in range(self._screen.columns)) for line in self._screen.history.top
        ]
        return [line.rstrip() for line in top] + self.lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor(self) -> tuple[int, int]:
        """The row and column of the cursor."""
        return self._screen.cursor.y, self._screen.cursor.x

    @property
    def is_cursor_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)

    def types(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def sees(self, text: str | Callable[[list[str]], object]) -> None:
        """Read until the screen shows `text`, or until its lines satisfy a function."""
        until = time.monotonic() + TIMEOUT
        while not (text in self.text if isinstance(text, str) else text(self.lines)):
            assert time.monotonic() < until, f"{text!r} does not appear on:\n{self.text}"
            if not self._read(0.05) and self._process.poll() is not None and not self._read(0.05):
                assert text in self.text if isinstance(text, str) else text(self.lines), f"it ended with:\n{self.text}"

    def ends(self) -> int:
        """Read to the end of `proj`; return its exit code."""
        until = time.monotonic() + TIMEOUT
        while self._read(0.05) or self._process.poll() is None:
            assert time.monotonic() < until, f"it does not end:\n{self.text}"
        return self._process.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the other side is closed
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

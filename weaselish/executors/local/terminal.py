"""Lends our terminal to one line, through a pseudo-terminal (pty) that is the line's controlling terminal."""

from __future__ import annotations

import fcntl
import os
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

STDIN = 0
REFRESH = 0.2  # seconds
_LFLAG, _CC = 3, 6  # indices in the result of tcgetattr


class Terminal:
    """A pty, and our terminal in raw mode while we are in its foreground. The pty echoes, edits lines and turns keys
    into signals. The line's output is read from `master`; its lines end in `\\r\\n`. Whatever else is printed to our
    terminal while it is lent must end its lines in the same way.

    No signal handler is installed, as any thread may run a job. Instead, the size of the window and whether we are in
    the foreground are checked every `REFRESH` seconds. Raises OSError where the system has no pty to give.
    """

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.is_ours = False  # whether we are in the foreground: it is raw, and keys may be read
        self.pending = b""  # keys that the pty did not take yet
        self._saved: list[Any] | None = None
        self._size = (0, 0)
        if _in_foreground():
            termios.tcsetattr(self.slave, termios.TCSANOW, termios.tcgetattr(STDIN))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self.close_slave()
        os.close(self.master)

    def close_slave(self) -> None:
        """Close our side once the line has started: its output ends only when no process holds the slave."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def refresh(self) -> None:
        """Take our terminal if we are in its foreground, and give the pty its size."""
        self.is_ours = _in_foreground()
        if not self.is_ours:
            return
        with suppress(termios.error):
            attributes = termios.tcgetattr(STDIN)
            self._saved = self._saved or attributes
            if attributes[_LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG):
                with _blocked(signal.SIGTTOU):  # it would stop us if we were moved to the background just now
                    tty.setraw(STDIN, termios.TCSANOW)
            size = termios.tcgetwinsize(STDIN)
            if size != self._size:
                self._size = size
                termios.tcsetwinsize(self.master, size)

    def release(self) -> None:
        """Restore our terminal, unless we are in the background, where it is another program's."""
        if self._saved and _in_foreground():
            with suppress(termios.error), _blocked(signal.SIGTTOU):
                termios.tcsetattr(STDIN, termios.TCSANOW, self._saved)
        self._saved = None
        self.is_ours = False

    def read_keys(self) -> bytes:
        """Read the typed keys; nothing when our terminal has gone."""
        try:
            keys = os.read(STDIN, 4096)
        except OSError:
            keys = b""
        self.is_ours = bool(keys)
        return keys

    def write_keys(self, keys: bytes = b"") -> None:
        self.pending += keys
        try:
            self.pending = self.pending[os.write(self.master, self.pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self.pending = b""  # no process is left to read them

    def special_key(self, index: int) -> bytes | None:
        """Return the key that sends a signal (`VINTR`, `VSUSP`), unless the line reads keys raw, as an editor does."""
        with suppress(termios.error):
            attributes = termios.tcgetattr(self.master)
            key: bytes = attributes[_CC][index]
            if attributes[_LFLAG] & termios.ISIG and key != b"\0":
                return key
        return None

    def foreground_group(self) -> int | None:
        """Return the process group that gets the signals of the pty's keys, if any."""
        with suppress(OSError):
            return os.tcgetpgrp(self.master) or None
        return None

    def suspend(self, leader: int) -> None:
        """Stop the line and our own process group, as Ctrl-Z does, until we are continued.

        The pty cannot do it: the line leads a session of its own, and the kernel never stops a session's leader.
        """
        self.release()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGSTOP)
        with _blocked(signal.SIGTSTP):  # one of the two stops us here; SIGCONT discards the other
            signal.raise_signal(signal.SIGTSTP)
            os.killpg(0, signal.SIGTSTP)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGCONT)
        self.refresh()


def make_controlling() -> None:
    """Make standard input the controlling terminal, if the system allows it. For the child, between setsid and exec."""
    with suppress(OSError):
        fcntl.ioctl(STDIN, termios.TIOCSCTTY, 0)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:  # not our controlling terminal, so the kernel never stops us for using it
        return os.isatty(STDIN)


@contextmanager
def _blocked(signum: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signum})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

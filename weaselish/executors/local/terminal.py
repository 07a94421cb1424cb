"""Our terminal, lent to one line through a pty that is the line's controlling terminal."""

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
_LFLAG, _CC = 3, 6  # places in what tcgetattr gives


class Terminal:
    """A pty, and our terminal in raw mode while we are in its foreground: the pty echoes, edits lines and turns keys
    into signals. What the line writes is read from `master`, its lines ending in `\\r\\n`; what else is printed to our
    terminal meanwhile must end so, too.

    No signal handler is installed, as `run` may be called from any thread: the size of the window and whether we are
    in the foreground are looked at every `REFRESH` seconds.
    """

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.is_ours = False  # we are in the foreground: it is raw, and keys may be read
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
        """Must follow the start of the line: the end of its output is seen only when nobody holds the slave."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def refresh(self) -> None:
        """Takes our terminal if we are in its foreground, and gives the pty its size."""
        self.is_ours = _in_foreground()
        if not self.is_ours:
            return
        with suppress(termios.error):
            attributes = termios.tcgetattr(STDIN)
            self._saved = self._saved or attributes
            if attributes[_LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG):
                with _blocked(signal.SIGTTOU):  # would stop us if we were moved to the background just now
                    tty.setraw(STDIN, termios.TCSANOW)
            size = termios.tcgetwinsize(STDIN)
            if size != self._size:
                self._size = size
                termios.tcsetwinsize(self.master, size)

    def release(self) -> None:
        """Leaves our terminal as it was. In the background it is another program's, and left alone."""
        if self._saved and _in_foreground():
            with suppress(termios.error), _blocked(signal.SIGTTOU):
                termios.tcsetattr(STDIN, termios.TCSANOW, self._saved)
        self._saved = None
        self.is_ours = False

    def read_keys(self) -> bytes:
        """What was typed; nothing when our terminal has gone."""
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
            self.pending = b""  # nobody is there to read them

    def special_key(self, index: int) -> bytes | None:
        """The key that raises a signal (`VINTR`, `VSUSP`), unless the line reads keys raw, as an editor does."""
        with suppress(termios.error):
            attributes = termios.tcgetattr(self.master)
            key: bytes = attributes[_CC][index]
            if attributes[_LFLAG] & termios.ISIG and key != b"\0":
                return key
        return None

    def foreground_group(self) -> int | None:
        """The process group that the pty's keys signal, if there is one."""
        with suppress(OSError):
            return os.tcgetpgrp(self.master) or None
        return None

    def suspend(self, leader: int) -> None:
        """Stops the line and our own process group, as Ctrl-Z does; returns when we are continued.

        The pty cannot do it: the line is a session of its own, and the kernel never stops one from its terminal.
        """
        self.release()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGSTOP)
        with _blocked(signal.SIGTSTP):  # one of the two stops us here; whoever continues us discards the other
            signal.raise_signal(signal.SIGTSTP)
            os.killpg(0, signal.SIGTSTP)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGCONT)
        self.refresh()


def make_controlling() -> None:
    """For the child, between setsid and exec: makes its standard input its controlling terminal."""
    fcntl.ioctl(STDIN, termios.TIOCSCTTY, 0)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:  # not our controlling terminal: nobody stops us from using it
        return os.isatty(STDIN)


@contextmanager
def _blocked(signum: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signum})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

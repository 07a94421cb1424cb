"""One running line: passes its output on, ends it in time or when told to, and says how it ended."""

from __future__ import annotations

import os
import select
import subprocess
import termios
from collections.abc import Callable, Iterator
from math import inf
from time import monotonic

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Outcome
from weaselish.executors.local.processes import TICK, ProcessTree
from weaselish.executors.local.terminal import REFRESH, STDIN, Terminal

_CHUNK = 1 << 16
_MOMENT = 0.2  # seconds during which what a line left behind may still be heard
_LEFT_IN_PIPE = 1 << 20  # bytes; pipes do not hold more

_INTERRUPTED = Outcome(Ending.INTERRUPTED, 130)
_TIMED_OUT = Outcome(Ending.TIMED_OUT, 124)


class RunningLine:
    """One poll loop over the line's output, its end, `cancel` and our terminal.

    `source` is where its output is read, `deadline` a time of the monotonic clock, `grace` the seconds between
    SIGTERM and SIGKILL where both are ours to send.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        tree: ProcessTree,
        source: int,
        terminal: Terminal | None,
        output: Callable[[bytes], None],
        cancel: Cancel,
        deadline: float,
        grace: float,
    ) -> None:
        self._process = process
        self._tree = tree
        self._end = _open_end(process.pid)
        self._source: int | None = source
        self._terminal = terminal
        self._output = output
        self._cancel = cancel
        self._deadline = deadline
        self._kill_at = inf
        self._grace = grace
        self._because: Outcome | None = None  # why it was told to end
        tree.grow(process.pid)

    def finish(self) -> Outcome:
        """Returns when the line has ended and, unless it succeeded, all its processes have."""
        try:
            outcome = self._outcome(self._wait_for_leader())
            if outcome.succeeded:
                self._tree.keep()
            else:
                self._end_what_is_left()
            self._drain()
        except BaseException:
            self._abandon()
            raise
        return outcome

    def _outcome(self, code: int) -> Outcome:
        if self._because:
            return self._because
        return Outcome(Ending.EXITED, code) if code >= 0 else Outcome(Ending.SIGNALLED, 128 - code)

    def _wait_for_leader(self) -> int:
        while (code := self._exit_code()) is None:
            self._tell_what_is_due()
            self._pass_on(min(self._deadline, self._kill_at))
        return code

    def _end_what_is_left(self) -> None:
        self._tree.end(self._grace, self._cancel, lambda seconds: self._pass_on(monotonic() + seconds))

    def _drain(self) -> None:
        """Passes on what is left to read. Who still holds the other end, a daemon, is not waited for."""
        until = monotonic() + _MOMENT
        left = _LEFT_IN_PIPE
        while self._source is not None:
            size = self._pass_on(until, only_output=True)
            left -= size
            if monotonic() >= until and (not size or left <= 0):
                break

    def _abandon(self) -> None:
        """After an exception: ends the line. It may go on writing, lest it hangs, but nobody hears it."""
        self._output = lambda chunk: None
        try:
            self._terminate()
            self._wait_for_leader()
            self._end_what_is_left()
        finally:
            self._tree.tell(Level.KILL)
            self._process.wait()
            self._close_end()

    # --- its end

    def _exit_code(self) -> int | None:
        """As Popen.poll, which however takes a status that somebody else has collected for success."""
        if self._process.returncode is None:
            try:
                pid, status = os.waitpid(self._process.pid, os.WNOHANG)
            except ChildProcessError:
                self._process.returncode = 1
                raise ProjError(
                    "the exit status of a script line was lost",
                    hint="SIGCHLD is ignored in this process, or something in it waits for every child",
                ) from None
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._close_end()
        return self._process.returncode

    def _close_end(self) -> None:
        if self._end is not None:
            os.close(self._end)
            self._end = None

    def _tell_what_is_due(self) -> None:
        level = self._cancel.level
        if level > self._tree.told:
            self._because = self._because or _INTERRUPTED
            self._tree.tell(level, group=self._terminal.foreground_group() if self._terminal else None)
        if monotonic() >= self._deadline:
            self._deadline = inf
            self._because = self._because or _TIMED_OUT
            self._terminate()
        if monotonic() >= self._kill_at:
            self._kill_at = inf
            self._tree.tell(Level.KILL)

    def _terminate(self) -> None:
        """On our own account: so SIGKILL is due after the grace time."""
        self._kill_at = monotonic() + self._grace
        self._tree.tell(Level.TERMINATE)

    # --- what is read and written meanwhile

    def _pass_on(self, until: float, *, only_output: bool = False) -> int:
        """Waits for something to happen, until `until` at most; returns how many bytes of output were passed on."""
        if self._terminal and not only_output:
            self._terminal.refresh()
            until = min(until, monotonic() + REFRESH)
        if self._end is None and self._process.returncode is None:
            until = min(until, monotonic() + TICK)
        poll = select.poll()
        for fd, events in self._watched(only_output=only_output):
            poll.register(fd, events)
        size = 0
        for fd, happened in poll.poll(None if until == inf else max(0, until - monotonic()) * 1000):
            if self._terminal and fd == STDIN:
                self._pass_on_keys(self._terminal)
            elif fd == self._source:
                if self._terminal and happened & select.POLLOUT:
                    self._terminal.write_keys()
                if happened & ~select.POLLOUT:
                    size = self._pass_on_output(fd)
        return size

    def _watched(self, *, only_output: bool) -> Iterator[tuple[int, int]]:
        if self._source is not None:
            keys_wait = self._terminal and self._terminal.pending
            yield self._source, select.POLLIN | (select.POLLOUT if keys_wait else 0)
        if only_output:
            return
        if self._end is not None:
            yield self._end, select.POLLIN
        if self._tree.told < Level.KILL:
            yield self._cancel.fileno(above=self._tree.told), select.POLLIN
        if self._terminal and self._terminal.is_ours:
            yield STDIN, select.POLLIN

    def _pass_on_output(self, source: int) -> int:
        try:
            chunk = os.read(source, _CHUNK)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: how Linux says that nobody holds the other side of a pty
            chunk = b""
        if chunk:
            self._output(chunk)
        else:
            self._source = None
        return len(chunk)

    def _pass_on_keys(self, terminal: Terminal) -> None:
        keys = terminal.read_keys()
        interrupt, suspend = terminal.special_key(termios.VINTR), terminal.special_key(termios.VSUSP)
        if suspend and suspend in keys and terminal.foreground_group() == self._process.pid:
            keys = keys.replace(suspend, b"")
            terminal.suspend(self._process.pid)
        if not interrupt or interrupt not in keys:
            terminal.write_keys(keys)
            return
        self._tree.remember()
        terminal.pending = b""  # Ctrl-C discards what was typed before it
        terminal.write_keys(keys)
        if terminal.pending:
            terminal.pending = b""  # it takes no more: then we send the signal
        elif self._tree.told is Level.RUN:
            self._tree.told, self._because = Level.INTERRUPT, _INTERRUPTED  # by the pty, just now
        self._cancel.request(Level(min(self._cancel.level + 1, Level.KILL)))


def _open_end(pid: int) -> int | None:
    """A descriptor that is readable when the process has ended, where the system has such a thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None

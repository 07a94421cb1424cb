"""Follows one running line: passes its output on, ends it on timeout or cancellation, and reports how it ended."""

from __future__ import annotations

import os
import select
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from time import monotonic

from weaselish.cancel import LONGEST_POLL, Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Outcome
from weaselish.executors.local.processes import TICK, ProcessTree
from weaselish.executors.local.terminal import REFRESH, STDIN, Terminal

_CHUNK = 1 << 16
_LINGER = 0.2  # seconds during which output of what a line left behind is still passed on
_LEFT_IN_PIPE = 1 << 20  # bytes; pipes do not hold more

_TIMED_OUT = Outcome(Ending.TIMED_OUT, 124)


class RunningLine:
    """One poll loop over the line's output, its end, `cancel` and our terminal.

    `source` is the descriptor from which its output is read, `deadline` a time of the monotonic clock, and `grace` the
    seconds between SIGTERM and SIGKILL where this class sends both.
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
        self._ended_by: Outcome | None = None  # if we asked the line to end: as what that counts
        tree.add_line(process.pid)

    def finish(self) -> Outcome:
        """Wait until the line has ended and, unless it succeeded, all its processes have."""
        try:
            outcome = self._outcome(self._wait_for_leader())
            if outcome.succeeded:
                self._tree.keep_left_behind()
            else:
                self._end_left_behind()
            self._drain()
        except BaseException:
            self._abandon()
            raise
        return outcome

    def _outcome(self, code: int) -> Outcome:
        if self._ended_by:
            return self._ended_by
        return Outcome(Ending.EXITED, code) if code >= 0 else Outcome(Ending.SIGNALLED, 128 - code)

    def _wait_for_leader(self) -> int:
        while (code := self._exit_code()) is None:
            self._send_due_requests()
            self._pass_on(min(self._deadline, self._kill_at))
        return code

    def _end_left_behind(self) -> None:
        self._tree.end(self._grace, self._cancel, lambda seconds: self._pass_on(monotonic() + seconds))

    def _drain(self) -> None:
        """Pass on the rest of the output, without waiting for a daemon that still holds the other end."""
        until = monotonic() + _LINGER
        left = _LEFT_IN_PIPE
        while self._source is not None:
            size = self._pass_on(until, only_output=True)
            left -= size
            if monotonic() >= until and (not size or left <= 0):
                break

    def _abandon(self) -> None:
        """End the line after an exception. Its output is read, so that it does not hang, and dropped."""
        self._output = lambda chunk: None
        try:
            self._terminate()
            self._wait_for_leader()
            self._end_left_behind()
        finally:
            self._tree.request(Level.KILL)
            self._process.wait()
            self._close_end()

    # --- its end

    def _exit_code(self) -> int | None:
        """Return the exit code, or None while the line runs.

        Unlike Popen.poll, do not take an exit status that other code has collected for success.
        """
        if self._process.returncode is None:
            try:
                pid, status = os.waitpid(self._process.pid, os.WNOHANG)
            except ChildProcessError:
                self._process.returncode = 1
                raise ProjError(
                    "the exit code of a script line was lost",
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

    def _send_due_requests(self) -> None:
        level = self._cancel.level
        if level > self._tree.level:
            self._ended_by = self._ended_by or self._interrupted
            self._tree.request(level, group=self._terminal.foreground_group() if self._terminal else None)
        if monotonic() >= self._deadline:
            self._deadline = inf
            self._ended_by = self._ended_by or _TIMED_OUT
            self._terminate()
        if monotonic() >= self._kill_at:
            self._kill_at = inf
            self._tree.request(Level.KILL)

    @property
    def _interrupted(self) -> Outcome:
        return Outcome(Ending.INTERRUPTED, self._cancel.exit_code)

    def _terminate(self) -> None:
        """Ask all processes to end, without a request from `cancel`: SIGKILL follows after the grace time."""
        self._kill_at = monotonic() + self._grace
        self._tree.request(Level.TERMINATE)

    # --- its output and our keys

    def _pass_on(self, until: float, *, only_output: bool = False) -> int:
        """Wait for the next event, at most until `until`. Return the number of bytes of output passed on."""
        if self._terminal and not only_output:
            self._terminal.refresh()
            until = min(until, monotonic() + REFRESH)
        cancel_fd = None if only_output else self._cancel_fd()
        needs_tick = self._end is None or (cancel_fd is None and self._tree.level < Level.KILL)
        if needs_tick and self._process.returncode is None:
            until = min(until, monotonic() + TICK)
        poll = select.poll()
        if cancel_fd is not None:
            poll.register(cancel_fd, select.POLLIN)
        for fd, events in self._watched(only_output=only_output):
            poll.register(fd, events)
        size = 0
        left = min(max(0, until - monotonic()), LONGEST_POLL)
        for fd, happened in poll.poll(None if until == inf else left * 1000):
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
        if self._terminal and self._terminal.is_ours:
            yield STDIN, select.POLLIN

    def _cancel_fd(self) -> int | None:
        """Return a descriptor that reports the next request to end, unless no more files may be open."""
        if self._tree.level < Level.KILL:
            with suppress(OSError):
                return self._cancel.fileno(above=self._tree.level)
        return None

    def _pass_on_output(self, source: int) -> int:
        try:
            chunk = os.read(source, _CHUNK)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: Linux reports so that no process holds the other side of a pty
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
            terminal.pending = b""  # the pty takes no more keys, so the request below sends the signal
        elif self._tree.level is Level.RUN:
            self._tree.level, self._ended_by = Level.INTERRUPT, self._interrupted  # the pty has just sent SIGINT
        self._cancel.request(Level(min(self._cancel.level + 1, Level.KILL)))


def _open_end(pid: int) -> int | None:
    """Return a descriptor that is readable once the process has ended; None where the system has no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None

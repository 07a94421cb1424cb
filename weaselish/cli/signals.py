"""Signals that end a subcommand: a run is cancelled in stages, every other subcommand at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic
from types import FrameType

from weaselish.cancel import Cancel, Level
from weaselish.errors import Cancelled

GRACE = 10.0  # seconds between terminate and kill
_TICK = 0.25  # seconds
_PATIENCE = 4  # the Ctrl-C that ends the process without clean-up

TERMINATING = tuple(  # sent by users, terminals, and batch schedulers before their time limit
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)

_MESSAGES = {
    Level.INTERRUPT: "Interrupting. Press Ctrl-C again to terminate.",
    Level.TERMINATE: f"Terminating. Killing in {GRACE:g} s, or press Ctrl-C again to kill now.",
    Level.KILL: "Killing.",
}

_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def cancelling_in_stages(
    cancel: Cancel, erasing: Callable[[], str] = lambda: "", *, is_silent: bool = False
) -> Iterator[None]:
    """Let Ctrl-C raise the level of `cancel` by one, and signals that terminate raise it to TERMINATE.

    Nothing is raised in the main thread: the engine ends its steps in order. A signal that the parent process had set
    to be ignored, as nohup does, stays ignored. `erasing` returns what clears the terminal's line for a message. With
    `is_silent` there are no messages.
    """
    kill_at = inf

    def on_request(level: Level) -> None:
        nonlocal kill_at
        if not is_silent:
            _write(f"{erasing()}{_MESSAGES[level]}\r\n")  # a terminal lent to a step does not add the carriage return
        if level is Level.TERMINATE:
            kill_at = monotonic() + GRACE

    def on_interrupt(signum: int, _frame: FrameType | None) -> None:
        cancel.request(Level(min(cancel.level + 1, Level.KILL)), signum=signum)

    def on_terminate(signum: int, _frame: FrameType | None) -> None:
        cancel.request(Level.TERMINATE, signum=signum)

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        if monotonic() >= kill_at:
            cancel.request(Level.KILL)

    before, cancel.on_request = cancel.on_request, on_request
    try:
        with _handlers(on_interrupt, on_terminate, {signal.SIGALRM: on_alarm}), _alarms():
            yield
    finally:
        cancel.on_request = before


@contextmanager
def cancelling_at_once(cancel: Cancel) -> Iterator[None]:
    """Let the first signal cancel `cancel` and raise Cancelled in the main thread.

    Later signals do not disturb the clean-up that follows, but the fourth Ctrl-C ends the process.
    """
    count = 0

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count == _PATIENCE:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        on_terminate(signum, frame)

    def on_terminate(signum: int, _frame: FrameType | None) -> None:
        if not cancel.level:
            cancel.request(Level.INTERRUPT, signum=signum)
            raise Cancelled(cancel.exit_code)
        _write(f"Cleaning up. Press Ctrl-C {max(_PATIENCE - count, 1)} more times to end at once.\n")

    with _unreported_cancellation(), _handlers(on_interrupt, on_terminate, {}):
        yield


@contextmanager
def _unreported_cancellation() -> Iterator[None]:
    """Let Python drop a Cancelled without a traceback where it drops exceptions, as in callbacks of weak references.

    The token still tells the next check to end.
    """
    before = sys.unraisablehook

    def report(dropped: sys.UnraisableHookArgs) -> None:
        if not isinstance(dropped.exc_value, Cancelled):
            before(dropped)

    sys.unraisablehook = report
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _handlers(on_interrupt: _Handler, on_terminate: _Handler, more: Mapping[int, _Handler]) -> Iterator[None]:
    """Install handlers for the block, unless it runs in a thread that cannot have any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = {signal.SIGINT: on_interrupt, **dict.fromkeys(TERMINATING, on_terminate)}
    handlers: dict[int, _Handler | signal.Handlers] = {
        number: handler for number, handler in ending.items() if signal.getsignal(number) != signal.SIG_IGN
    }
    handlers |= more
    handlers[signal.SIGCHLD] = signal.SIG_DFL  # some parents ignore it, which loses the exit codes of all children
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if earlier is not None:  # None: not set by Python, which cannot restore it
                signal.signal(number, earlier)


@contextmanager
def _alarms() -> Iterator[None]:
    """Send SIGALRM regularly: the main thread may miss a signal that arrives just before it blocks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    timer = signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _write(text: str) -> None:
    with suppress(OSError):  # a buffered stream may be in the middle of a write
        os.write(2, text.encode())

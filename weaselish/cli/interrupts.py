"""What Ctrl-C and other signals do: in a run they ask in stages to stop; a transfer is given up, in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic
from types import FrameType

from weaselish.executors.stop import Level, Stop

GRACE = 10.0  # seconds between terminate and kill
_TICK = 0.25  # seconds
_PATIENCE = 4  # interrupts

_TOLD = {
    Level.INTERRUPT: "interrupting; once more to terminate",
    Level.TERMINATE: f"terminating; killing in {GRACE:g} s, or with once more",
    Level.KILL: "killing",
}


@contextmanager
def stopping_by_signals(stop: Stop) -> Iterator[None]:
    """While this is open, SIGINT, SIGTERM and SIGHUP end the run in stages instead of ending us.

    One that whoever started us had ignored, as nohup does, stays ignored.
    """
    kill_at = inf

    def on_rise(level: Level) -> None:
        nonlocal kill_at
        with suppress(OSError):  # not by `say`: what it prints to may be in the midst of printing
            os.write(2, f"{_TOLD[level]}\r\n".encode())  # a terminal lent to a step does not return by itself
        if level is Level.TERMINATE:
            kill_at = monotonic() + GRACE

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        stop.raise_to(Level(min(stop.level + 1, Level.KILL)))

    def on_terminate(_signal: int, _frame: FrameType | None) -> None:
        stop.raise_to(Level.TERMINATE)

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        if monotonic() >= kill_at:
            stop.raise_to(Level.KILL)

    stop.on_rise = on_rise
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some parents leave it, exit codes would be lost
    handlers = {signal.SIGINT: on_interrupt, signal.SIGTERM: on_terminate, signal.SIGHUP: on_terminate}
    handlers = {number: handler for number, handler in handlers.items() if signal.getsignal(number) != signal.SIG_IGN}
    handlers[signal.SIGALRM] = on_alarm
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    # a signal that comes just before the main thread falls asleep is handled when that wakes up: let it, now and then
    timer = signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


@contextmanager
def giving_up_once() -> Iterator[None]:
    """The first Ctrl-C raises KeyboardInterrupt as ever; while that is cleaned up after, the next ones do nothing.

    Whoever has no patience for that has his way with the fourth: the system ends us then.
    """
    count = 0

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise KeyboardInterrupt
        if count == _PATIENCE:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        with suppress(OSError):
            os.write(2, f"giving up; {_PATIENCE - count} × more to end at once\n".encode())

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or somebody else's
        yield
        return
    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

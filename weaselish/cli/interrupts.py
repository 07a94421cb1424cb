"""Signals → the request to stop: first Ctrl-C interrupts, the second terminates, the third kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from weaselish.cli.console import say
from weaselish.executors.base import Level, Stop

GRACE = 10.0  # seconds between terminate and kill

_TOLD = {
    Level.INTERRUPT: "interrupting; once more to terminate",
    Level.TERMINATE: f"terminating; killing in {GRACE:g} s, or with once more",
    Level.KILL: "killing",
}


@contextmanager
def stopping_by_signals(stop: Stop) -> Iterator[None]:
    """While this is open, SIGINT, SIGTERM and SIGHUP end the run in stages instead of ending us."""

    def rise(level: Level) -> None:
        if level <= stop.level:
            return
        stop.raise_to(level)
        say(_TOLD[level] + "\r")  # a terminal that is lent to a step does not return by itself
        if level is Level.TERMINATE:
            timer = threading.Timer(GRACE, stop.raise_to, (Level.KILL,))
            timer.daemon = True
            timer.start()

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        rise(Level(min(stop.level + 1, Level.KILL)))

    def on_terminate(_signal: int, _frame: FrameType | None) -> None:
        rise(Level.TERMINATE)

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some parents leave it, exit codes would be lost
    handlers = {signal.SIGINT: on_interrupt, signal.SIGTERM: on_terminate, signal.SIGHUP: on_terminate}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

from __future__ import annotations

import os
import select
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from weaselish.cancel import Cancel, Level


def test_the_level_only_rises() -> None:
    cancel = Cancel()
    assert cancel.level is Level.RUN
    for level, then in [
        (Level.TERMINATE, Level.TERMINATE),
        (Level.INTERRUPT, Level.TERMINATE),
        (Level.KILL, Level.KILL),
    ]:
        cancel.request(level)
        assert cancel.level is then


def test_the_highest_level_that_any_thread_requests_counts() -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(200):
            cancel = Cancel()
            list(pool.map(cancel.request, [Level.INTERRUPT, Level.TERMINATE, Level.INTERRUPT] * 3))
            assert cancel.level is Level.TERMINATE


def test_a_descriptor_becomes_readable_with_its_level_and_stays_so() -> None:
    cancel = Cancel()
    levels = [Level.RUN, Level.INTERRUPT, Level.TERMINATE]

    def readable() -> list[Level]:
        fds = [cancel.fileno(above=level) for level in levels]
        ready = select.select(fds, [], [], 0)[0]
        return [level for level, fd in zip(levels, fds, strict=True) if fd in ready]

    assert readable() == []
    cancel.request(Level.INTERRUPT)
    assert readable() == readable() == [Level.RUN]
    cancel.request(Level.KILL)
    assert readable() == levels


def test_waiting_ends_with_the_time_or_the_level() -> None:
    cancel = Cancel()
    assert cancel.wait(0.01) is Level.RUN
    cancel.request(Level.INTERRUPT)
    assert cancel.wait(None) is Level.INTERRUPT
    assert cancel.wait(0.01, above=Level.INTERRUPT) is Level.INTERRUPT
    cancel.request(Level.KILL)
    assert cancel.wait(None, above=Level.INTERRUPT) is Level.KILL
    assert cancel.wait(0.01, above=Level.KILL) is Level.KILL


def test_a_signal_handler_wakes_the_very_thread_that_it_interrupts() -> None:
    cancel = Cancel()
    before = signal.signal(signal.SIGALRM, lambda *_: cancel.request(Level.TERMINATE))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert cancel.wait(20) is Level.TERMINATE
    finally:
        signal.signal(signal.SIGALRM, before)


def test_closing_the_token_closes_its_descriptors() -> None:
    with Cancel() as cancel:
        fds = [cancel.fileno(above=level) for level in (Level.RUN, Level.INTERRUPT, Level.TERMINATE)]
    for fd in fds:
        with pytest.raises(OSError):
            os.fstat(fd)


def test_the_token_has_no_finaliser() -> None:
    """Python would report an interrupt in it as an ignored exception."""
    assert not hasattr(Cancel, "__del__")

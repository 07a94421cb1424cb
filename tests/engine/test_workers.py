"""Threads that a cancelled caller leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from harness import TIMEOUT, wait_until

from weaselish.cancel import Cancel
from weaselish.engine.workers import Workers, run_aside
from weaselish.errors import Cancelled, ProjError


@pytest.fixture
def cancel() -> Iterator[Cancel]:
    with Cancel() as cancel:
        yield cancel


@pytest.fixture
def blocked() -> Iterator[threading.Event]:
    """An event that nothing sets before the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_results_come_as_the_calls_end(cancel: Cancel, blocked: threading.Event) -> None:
    def first() -> int:
        assert blocked.wait(TIMEOUT)
        return 1

    with Workers[int](2, cancel) as workers:
        workers.start(first)
        workers.start(lambda: 2)
        assert workers.wait() == 2
        blocked.set()
        assert (workers.wait(), workers.running) == (1, 0)


def test_no_more_calls_run_at_a_time_than_jobs(cancel: Cancel) -> None:
    running: list[int] = []
    most = 0

    def call(number: int) -> None:
        nonlocal most
        running.append(number)
        most = max(most, len(running))
        time.sleep(0.002)
        running.remove(number)

    with Workers[None](3, cancel) as workers:
        for number in range(30):
            workers.start(partial(call, number))
        while workers.running:
            workers.wait()
    assert 1 <= most <= 3


def test_a_call_that_fails_cancels_the_others_but_not_the_caller(cancel: Cancel) -> None:
    seen: list[BaseException] = []

    def waits() -> None:
        try:
            workers.cancel.sleep(TIMEOUT)
        except Cancelled as cancelled:
            seen.append(cancelled)
            raise

    def fails() -> None:
        raise ProjError("failed")

    with pytest.raises(ProjError, match="failed"), Workers[None](2, cancel) as workers:
        workers.start(waits)
        workers.start(fails)
        while workers.running:
            workers.wait()
    wait_until(lambda: seen, "the end of the other call")
    cancel.check()


def test_calls_that_have_not_begun_are_dropped(cancel: Cancel) -> None:
    begun: list[int] = []

    def fails() -> None:
        raise ProjError("failed")

    with pytest.raises(ProjError), Workers[None](1, cancel) as workers:
        workers.start(fails)
        for number in range(100):
            workers.start(partial(begun.append, number))
        while workers.running:
            workers.wait()
    assert len(begun) < 100


def test_a_blocked_call_is_left_behind(cancel: Cancel, blocked: threading.Event) -> None:
    threading.Timer(0.05, cancel.request).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        run_aside(lambda: blocked.wait(TIMEOUT), cancel)
    assert time.monotonic() - begun < TIMEOUT / 2


def test_a_token_that_is_cancelled_already_starts_nothing(cancel: Cancel) -> None:
    begun: list[int] = []
    cancel.request()
    with pytest.raises(Cancelled):
        run_aside(lambda: begun.append(1), cancel)
    assert begun == []


def test_a_thread_whose_start_is_interrupted_gets_its_grace(cancel: Cancel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler of a signal may raise Cancelled in any line of the main thread, such as in `Thread.start`."""
    begun, cleaned_up = threading.Event(), threading.Event()
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        monkeypatch.undo()
        start(thread)
        assert begun.wait(TIMEOUT)
        raise Cancelled(130)

    def call() -> None:
        begun.set()
        try:
            workers.cancel.sleep(TIMEOUT)
        finally:
            time.sleep(0.05)
            cleaned_up.set()

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(Cancelled), Workers[None](1, cancel, grace=TIMEOUT) as workers:
        workers.start(call)
    assert cleaned_up.is_set()


def test_without_any_thread_it_is_an_error_with_a_hint(cancel: Cancel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fails)
    with pytest.raises(ProjError, match="no further threads") as raised:
        run_aside(lambda: 1, cancel)
    assert raised.value.hint is not None

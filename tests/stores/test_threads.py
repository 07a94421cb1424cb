"""Threads whose calls a cancelled caller abandons."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled
from weaselish.stores.threads import Threads


def test_a_call_returns_its_result_or_raises_its_error() -> None:
    threads, cancel = Threads(), Cancel()
    assert threads.run(lambda: 3, cancel) == 3
    for error in (ZeroDivisionError(), TimeoutError("its own"), Cancelled()):

        def fail(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            threads.run(fail, cancel)
        assert caught.value is error


def test_no_more_calls_run_at_a_time_than_there_are_threads() -> None:
    threads, lock, running, most = Threads(3), threading.Lock(), 0, 0

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    for future in [threads.submit(call) for _ in range(30)]:
        future.result(10)
    assert most == 3
    assert threads._count == 3


def test_an_idle_thread_is_used_again() -> None:
    threads, cancel = Threads(), Cancel()
    for _ in range(20):
        threads.run(lambda: None, cancel)
        deadline = time.monotonic() + 10
        while not threads._idle._value and time.monotonic() < deadline:
            time.sleep(0.001)
    assert threads._count == 1


def test_a_cancelled_caller_does_not_wait() -> None:
    with Cancel() as cancel:
        never = threading.Event()
        threads = Threads()
        threading.Timer(0.05, cancel.request).start()
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            threads.run(never.wait, cancel)
        assert time.monotonic() - begun < 5
        never.set()


def test_a_call_of_another_thread_runs_in_that_thread() -> None:
    threads, cancel = Threads(), Cancel()
    with ThreadPoolExecutor(1) as pool:
        inner = pool.submit(lambda: threads.run(threading.current_thread, cancel)).result()
        assert inner is pool.submit(threading.current_thread).result()
    assert threads.run(threading.current_thread, cancel) is not threading.current_thread()


def test_closing_ends_the_threads() -> None:
    before = threading.active_count()
    threads = Threads()
    for future in [threads.submit(lambda: time.sleep(0.01)) for _ in range(4)]:
        future.result(10)
    threads.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_process_ends_though_an_abandoned_call_still_runs() -> None:
    code = """
import threading
from weaselish.stores.threads import Threads
Threads().submit(threading.Event().wait)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)

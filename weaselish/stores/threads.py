"""Daemon threads for requests, which a cancelled caller can abandon."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from weaselish.cancel import Cancel

_TICK = 0.1  # seconds between two checks of the token

T = TypeVar("T")


class Threads:
    """A pool of up to `most` threads. An abandoned call ends by itself, and does not keep the process alive."""

    def __init__(self, most: float = inf) -> None:
        self._most = most
        self._count = 0
        self._idle = threading.Semaphore(0)  # counts the threads that wait for a call
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Begin a call in one of the threads, as soon as one is idle."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            threading.Thread(target=self._work, name="transfer", daemon=True).start()
        return future

    def run(self, call: Callable[[], T], cancel: Cancel) -> T:
        """Return what the call returns. Raises Cancelled, and abandons the call, once `cancel` is cancelled.

        Only the main thread hands its call over. Any other thread can itself be abandoned by its owner, and handing
        calls over costs more than a small request.
        """
        cancel.check()
        if threading.current_thread() is not threading.main_thread():
            return call()
        return result(self.submit(call), cancel)

    def close(self) -> None:
        """End the threads that are idle, and the others after their call."""
        for _ in range(self._count):
            self._calls.put(None)

    def _work(self) -> None:
        while True:
            try:
                item = self._calls.get_nowait()
            except Empty:
                self._idle.release()
                item = self._calls.get()
            if item is None:
                return
            _carry_out(*item)
            del item  # it may hold a part of an object


def result(future: Future[T], cancel: Cancel) -> T:
    """Wait for the result. Raises Cancelled once `cancel` is cancelled."""
    while True:
        try:
            return future.result(_TICK)
        except TimeoutError:
            if future.done():  # the call itself has ended, perhaps with a TimeoutError
                return future.result()
            cancel.check()


def _carry_out(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        outcome = call()
    except BaseException as error:  # noqa: BLE001 - the thread that waits for the result gets it
        future.set_exception(error)
    else:
        future.set_result(outcome)

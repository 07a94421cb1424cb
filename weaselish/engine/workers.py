"""Runs blocking calls in threads that a cancelled caller leaves behind instead of waiting for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError

T = TypeVar("T")

_TICK = 0.2  # seconds; the main thread may miss the wake-up of a signal that arrives just before it blocks
GRACE = 0.25  # seconds that calls have to clean up after themselves once they are cancelled


class _Ended(NamedTuple, Generic[T]):
    """How one call ended."""

    result: T | None = None
    error: BaseException | None = None


class Workers(Generic[T]):
    """Up to `jobs` calls at a time, for a `with` block of one thread, which waits for their results.

    `cancel` is a child of the caller's token, for the calls to check. If the block raises, it is cancelled: calls that
    have not begun are dropped, and the others get `grace` seconds to end. A call that blocks for longer, such as a
    request to a silent server, is left behind: its thread keeps neither the caller nor the interpreter from ending.
    """

    def __init__(self, jobs: int, cancel: Cancel, *, grace: float = GRACE) -> None:
        self.cancel = cancel.child()
        self.running = 0  # calls whose result was not taken yet
        self._jobs = max(1, jobs)
        self._grace = grace
        self._threads: list[_Thread] = []
        self._todo: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._ended: SimpleQueue[_Ended[T] | None] = SimpleQueue()  # None: look at the token

    def __enter__(self) -> Self:
        self.cancel.on_request = lambda level: self._ended.put(None)  # a signal handler may put, without a lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.cancel.request(Level.INTERRUPT)
        for _ in self._threads:
            self._todo.put(None)
        if kind is not None:
            deadline = time.monotonic() + self._grace
            for thread in self._threads:
                thread.ended.wait(max(0.0, deadline - time.monotonic()))
        self.cancel.close()

    def start(self, call: Callable[[], T]) -> None:
        """Run `call` in a thread as soon as one is free."""
        self.running += 1
        self._todo.put(call)
        if len(self._threads) < min(self._jobs, self.running):
            self._start_thread()

    def _start_thread(self) -> None:
        thread = _Thread(self._work)
        self._threads.append(thread)  # first: a signal handler may raise Cancelled while the thread starts
        try:
            thread.start()
        except RuntimeError:
            self._threads.remove(thread)
            if not self._threads:
                hint = "end other programs, or raise the limit: `ulimit -u`"
                raise ProjError("the system allows no further threads", hint=hint) from None

    def wait(self) -> T:
        """Return the result of the call that ends next, or raise its exception. Raises Cancelled."""
        while True:
            self.cancel.check()
            try:
                ended = self._ended.get(timeout=_TICK)
            except Empty:
                continue
            if ended is not None:
                self.running -= 1
                if ended.error is not None:
                    raise ended.error
                return ended.result  # type: ignore[return-value]  # a call may return None

    def _work(self) -> None:
        while (call := self._todo.get()) is not None:
            try:
                self.cancel.check()
                ended = _Ended(result=call())
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
                ended = _Ended(error=error)
            self._ended.put(ended)


class _Thread(threading.Thread):
    """A thread that can be waited for although its start was interrupted, which `join` refuses."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self._call = work

    def run(self) -> None:
        try:
            self._call()
        finally:
            self.ended.set()


def run_aside(call: Callable[[], T], cancel: Cancel, *, grace: float = GRACE) -> T:
    """Run one blocking call and return its result. Raises Cancelled as soon as the work should end."""
    with Workers[T](1, cancel, grace=grace) as workers:
        workers.start(call)
        return workers.wait()

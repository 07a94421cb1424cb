"""Joins the requests of many threads into few calls: those that come while one call runs share the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Gathering(Generic[_Key, _Item, _Result]):
    """Hands requests with equal keys to `call` together, at most `most` of them at a time. Thread-safe.

    `call` returns the result of each item, in their order, or an exception for that item. An exception that it raises
    is that of all its items. For each key it runs in one thread at a time.
    """

    def __init__(
        self, call: Callable[[_Key, Sequence[_Item]], Sequence[_Result | BaseException]], *, most: int
    ) -> None:
        self._call = call
        self._most = most
        self._lock = threading.Lock()  # guards the queues, and what waits in them
        self._queues: dict[_Key, _Queue[_Item, _Result]] = {}

    def __call__(self, key: _Key, item: _Item) -> _Result:
        """Return the result of one request. Raises what the call raised."""
        request: _Request[_Item, _Result] = _Request(item)
        with self._lock:
            queue = self._queues.setdefault(key, _Queue())
            queue.waiting.append(request)
        with queue.calling:
            while request.result is None:
                self._call_for(key, queue)
        [result] = request.result
        if isinstance(result, BaseException):
            raise result
        return result

    def _call_for(self, key: _Key, queue: _Queue[_Item, _Result]) -> None:
        """Make one call for the requests that wait the longest."""
        with self._lock:
            together, queue.waiting = queue.waiting[: self._most], queue.waiting[self._most :]
        results: Sequence[_Result | BaseException]
        try:
            results = self._call(key, [request.item for request in together])
        except BaseException as error:  # noqa: BLE001 - each thread raises it
            results = [error] * len(together)
        for request, result in zip(together, results, strict=True):
            request.result = (result,)


class _Request(Generic[_Item, _Result]):
    def __init__(self, item: _Item) -> None:
        self.item = item
        self.result: tuple[_Result | BaseException] | None = None  # None until a call has ended


class _Queue(Generic[_Item, _Result]):
    def __init__(self) -> None:
        self.calling = threading.Lock()  # held during a call
        self.waiting: list[_Request[_Item, _Result]] = []

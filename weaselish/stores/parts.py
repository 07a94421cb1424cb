"""Streams cut into parts, and several parts on their way at once, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

PART = 8 * 2**20  # bytes; S3 takes none below 5 MiB
THREADS = 8
AHEAD = 3 * PART  # bytes of memory for what all transfers have under way

T = TypeVar("T")


def part_size(number: int) -> int:
    """Bytes of the part `number` (from 0) of a stream of unknown length.

    Equal for the first 23 GiB, since some servers insist on it, then growing, so that the 10,000 parts that S3 allows
    hold 1 TiB.
    """
    return PART << max(0, number // 1000 - 2)


def cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of `part_size`, the last one shorter; nothing if there are none."""
    held: list[bytes | memoryview] = []
    size = number = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while size + len(rest) >= (whole := part_size(number)):
            held.append(rest[: whole - size])
            rest = rest[whole - size :]
            size, number = 0, number + 1
            yield _taken(held)
        if rest:
            held.append(rest)
            size += len(rest)
    if held:
        yield _taken(held)


def _taken(held: list[bytes | memoryview]) -> bytes:
    """One part of what is held, which is then given up: while a part is on its way nothing else keeps it in memory."""
    part = b"".join(held)
    held.clear()
    return part


class Mover:
    """Threads and a memory allowance that all transfers of a store share.

    Each transfer may always have one part under way, and more while the allowance lasts: so none waits for another,
    also when one thread reads an object and writes it to the same store.
    """

    def __init__(self, *, threads: int = THREADS, allowance: int = AHEAD) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="transfer")
        self._allowance = allowance
        self._lock = threading.Lock()

    def in_order(self, calls: Iterable[tuple[int, Callable[[], T]]], *, most: int = THREADS) -> Iterator[T]:
        """The calls' results in their order; up to `most` calls run ahead, each with its bytes of memory.

        Calls are taken from `calls` in the caller's thread. None is running when this ends, however it ends.
        """
        ahead: deque[tuple[Future[T], int]] = deque()
        try:
            for size, call in calls:
                while (cost := self._cost(ahead, size, most)) is None:
                    yield self._oldest(ahead)
                ahead.append((self._pool.submit(call), cost))
                del call  # it may hold a part
            while ahead:
                yield self._oldest(ahead)
        finally:
            for future, cost in ahead:
                future.cancel()
                self._return(cost)
            wait([future for future, _ in ahead])

    def _cost(self, ahead: deque[tuple[Future[T], int]], size: int, most: int) -> int | None:
        """What to take from the allowance for one more part; None if it must wait."""
        if not ahead:
            return 0
        with self._lock:
            if len(ahead) >= most or size > self._allowance:
                return None
            self._allowance -= size
            return size

    def _oldest(self, ahead: deque[tuple[Future[T], int]]) -> T:
        future, cost = ahead[0]
        result = future.result()
        ahead.popleft()
        self._return(cost)
        return result

    def _return(self, cost: int) -> None:
        with self._lock:
            self._allowance += cost

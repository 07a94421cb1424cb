"""Split a stream into parts, and transfer several parts at a time in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

from weaselish.cancel import Cancel
from weaselish.stores.threads import Threads, result

PART = 8 * 2**20  # bytes; S3 refuses parts below 5 MiB
THREADS = 8
AHEAD = 3 * PART  # bytes of memory for the parts of all transfers that are under way

T = TypeVar("T")


def part_size(number: int) -> int:
    """Return the bytes of part `number` (from 0) of a stream of unknown length.

    The first 23 GiB have parts of equal size, which some servers require. Then the parts grow, so that the 10,000
    parts that S3 allows hold 1 TiB.
    """
    return PART << max(0, number // 1000 - 2)


def split_into_parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in parts of `part_size`; the last one is shorter."""
    pending: list[bytes | memoryview] = []
    size = number = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while size + len(rest) >= (limit := part_size(number)):
            pending.append(rest[: limit - size])
            rest = rest[limit - size :]
            size, number = 0, number + 1
            yield _joined(pending)
        if rest:
            pending.append(rest)
            size += len(rest)
    if pending:
        yield _joined(pending)


def _joined(pending: list[bytes | memoryview]) -> bytes:
    """Join and clear `pending`, so that only the caller keeps the part in memory."""
    part = b"".join(pending)
    pending.clear()
    return part


class PartTransfers:
    """Threads and a memory allowance that all transfers of a store share.

    Each transfer may have one part under way, and more while the allowance lasts. So no transfer waits for another,
    not even if one thread reads an object and writes it to the same store.
    """

    def __init__(self, cancel: Cancel, *, threads: int = THREADS, allowance: int = AHEAD) -> None:
        self._cancel = cancel
        self._threads = Threads(threads)
        self._allowance = allowance
        self._lock = threading.Lock()  # guards the allowance

    def in_order(
        self, calls: Iterable[tuple[int, Callable[[], T]]], *, most: int = THREADS
    ) -> Generator[T, None, None]:
        """Yield the calls' results in their order. Up to `most` calls run ahead; each comes with its bytes of memory.

        The caller's thread takes them from `calls`. No call runs after the iterator has ended, unless the store was
        cancelled.
        """
        ahead: deque[tuple[Future[T], int]] = deque()
        try:
            for size, call in calls:
                while (cost := self._reserve(ahead, size, most)) is None:
                    yield self._oldest(ahead)
                ahead.append((self._threads.submit(call), cost))
                del call  # it may hold a part
            while ahead:
                yield self._oldest(ahead)
        finally:
            for future, cost in ahead:
                future.cancel()
                self._release(cost)
            if not self._cancel.level:
                wait([future for future, _ in ahead])

    def close(self) -> None:
        self._threads.close()

    def _reserve(self, ahead: deque[tuple[Future[T], int]], size: int, most: int) -> int | None:
        """Take one more part from the allowance and return its cost. Return None if the part must wait."""
        if not ahead:
            return 0
        with self._lock:
            if len(ahead) >= most or size > self._allowance:
                return None
            self._allowance -= size
            return size

    def _oldest(self, ahead: deque[tuple[Future[T], int]]) -> T:
        future, cost = ahead[0]
        outcome = result(future, self._cancel)
        ahead.popleft()
        self._release(cost)
        return outcome

    def _release(self, cost: int) -> None:
        with self._lock:
            self._allowance += cost

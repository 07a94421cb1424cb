"""What is added to a store by wrapping it: retries, and a promise not to write."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from weaselish.errors import StoreError
from weaselish.stores.base import Store, Stored

PAUSES = (0.5, 2.0)  # seconds before the second and the third attempt

T = TypeVar("T")


class PassingError(StoreError):
    """A failure that may be gone when the whole operation is tried again: a lost race, a changed object."""


def pause(seconds: float) -> None:
    """Sleep for half to all of `seconds`, so that those who failed together do not come back together."""
    time.sleep(seconds * random.uniform(0.5, 1))


class Retrying:
    """Tries again what failed with a `PassingError`, unless that would repeat or lose bytes.

    A `get` or `list` is begun again only before its first piece; a `put` only if `chunks` can be read twice, that is,
    if `iter(chunks)` is a new iterator each time.
    """

    def __init__(self, store: Store, *, pauses: Sequence[float] = PAUSES) -> None:
        self._store = store
        self._pauses = pauses

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._begun(lambda: self._store.list(prefix))

    def get(self, key: str) -> Iterator[bytes]:
        return self._begun(lambda: self._store.get(key))

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        if iter(chunks) is chunks:
            return self._store.put(key, chunks, replace=replace)
        return self._attempt(lambda: self._store.put(key, chunks, replace=replace))

    def delete(self, key: str) -> None:
        self._attempt(lambda: self._store.delete(key))

    def _begun(self, begin: Callable[[], Iterator[T]]) -> Iterator[T]:
        def first_and_rest() -> tuple[list[T], Iterator[T]]:
            items = begin()
            return list(islice(items, 1)), items

        first, rest = self._attempt(first_and_rest)
        yield from first
        yield from rest

    def _attempt(self, call: Callable[[], T]) -> T:
        for seconds in self._pauses:
            try:
                return call()
            except PassingError:
                pause(seconds)
        return call()


class ReadOnly:
    """Refuses to write and to delete; `remote` is how messages call the store."""

    def __init__(self, store: Store, remote: str) -> None:
        self._store = store
        self._remote = remote

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._store.list(prefix)

    def get(self, key: str) -> Iterator[bytes]:
        return self._store.get(key)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        raise self._refusal(f"write `{key}`")

    def delete(self, key: str) -> None:
        raise self._refusal(f"delete `{key}`")

    def _refusal(self, doing: str) -> StoreError:
        return StoreError(
            f"{self._remote} is read-only: cannot {doing}", hint="remove `read_only: true` from the remote"
        )

"""Wrappers that add retries to a store, or refuse to write to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from weaselish.cancel import Cancel
from weaselish.errors import StoreError
from weaselish.stores.base import Store, Stored
from weaselish.stores.retry import retry

PAUSES = (0.5, 2.0)  # seconds before the second and the third attempt

T = TypeVar("T")


class Retrying:
    """Retries an operation that failed with a `PassingError`, unless that would repeat or lose bytes.

    A `get` or `list` begins anew only before its first piece. A `put` does so only if `chunks` can be read twice, that
    is, if each `iter(chunks)` is a new iterator.
    """

    def __init__(self, store: Store, *, cancel: Cancel, pauses: Sequence[float] = PAUSES) -> None:
        self._store = store
        self._cancel = cancel
        self._pauses = pauses

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._iterate(lambda: self._store.list(prefix))

    def head(self, key: str) -> Stored | None:
        return self._retry(lambda: self._store.head(key))

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._iterate(lambda: self._store.get(key, start=start, end=end))

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        def put() -> bool:
            return self._store.put(key, chunks, replace=replace, if_version=if_version)

        return put() if iter(chunks) is chunks else self._retry(put)

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        return self._retry(lambda: self._store.copy(source, target, replace=replace))

    def delete(self, key: str) -> None:
        self._retry(lambda: self._store.delete(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._retry(lambda: self._store.delete_many(keys))

    def close(self) -> None:
        self._store.close()

    def _iterate(self, begin: Callable[[], Iterator[T]]) -> Iterator[T]:
        def first_and_rest() -> tuple[list[T], Iterator[T]]:
            items = begin()
            return list(islice(items, 1)), items

        first, rest = self._retry(first_and_rest)
        yield from first
        yield from rest

    def _retry(self, call: Callable[[], T]) -> T:
        return retry(call, self._pauses, cancel=self._cancel)


class ReadOnly:
    """Refuses to write and to delete. `remote` is how messages name the store."""

    def __init__(self, store: Store, remote: str) -> None:
        self._store = store
        self._remote = remote

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._store.list(prefix)

    def head(self, key: str) -> Stored | None:
        return self._store.head(key)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._store.get(key, start=start, end=end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        raise self._refusal(f"write `{key}`")

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        raise self._refusal(f"write `{target}`")

    def delete(self, key: str) -> None:
        raise self._refusal(f"delete `{key}`")

    def delete_many(self, keys: Sequence[str]) -> None:
        raise self._refusal("delete objects")

    def close(self) -> None:
        self._store.close()

    def _refusal(self, action: str) -> StoreError:
        return StoreError(
            f"{self._remote} is read-only: cannot {action}", hint="remove `read_only: true` from the remote"
        )

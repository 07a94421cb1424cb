"""Retrying and read-only stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, NotInStore, StoreError
from weaselish.stores.base import Store, Stored
from weaselish.stores.memory import MemoryStore
from weaselish.stores.retry import PassingError, retry
from weaselish.stores.wrappers import ReadOnly, Retrying

from .contract import OpenWith, StoreContract, keys, read

Piece = TypeVar("Piece")


class FailingStore:
    """A store in memory. `failures`: what the next calls raise; `late`: raise after the first piece, not before."""

    def __init__(self, *failures: Exception, late: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self.failures = list(failures)
        self.late = late
        self.calls = 0
        self.is_closed = False

    def list(self, prefix: str) -> Iterator[Stored]:
        return self.pieces([Stored(key, len(body), 0) for key, body in self.objects.items() if key.startswith(prefix)])

    def head(self, key: str) -> Stored | None:
        self.fail()
        return Stored(key, len(self.objects[key]), 0) if key in self.objects else None

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        body = self.objects[key][start:end]
        return self.pieces([body[:1], body[1:]])

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        body = b"".join(chunks)
        self.fail()
        self.objects[key] = body
        return if_version != "changed"

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        self.fail()
        self.objects[target] = self.objects[source]
        return replace

    def delete(self, key: str) -> None:
        self.fail()
        del self.objects[key]

    def delete_many(self, keys: Sequence[str]) -> None:
        self.fail()
        for key in keys:
            self.objects.pop(key, None)

    def close(self) -> None:
        self.is_closed = True

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[Piece]:
        for number, piece in enumerate(pieces):
            if number == self.late:
                self.fail()
            yield piece

    def fail(self) -> None:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)


PASSING = PassingError("a passing failure")


def retrying(store: FailingStore) -> Retrying:
    store.objects["key"] = b"body"
    return Retrying(store, cancel=Cancel(), pauses=(0, 0))


def test_every_operation_is_tried_again() -> None:
    assert read(retrying(FailingStore(PASSING, PASSING)), "key") == b"body"
    assert keys(retrying(FailingStore(PASSING))) == ["key"]
    assert retrying(FailingStore(PASSING)).put("other", [b"x"])
    head = retrying(FailingStore(PASSING)).head("key")
    assert head is not None and head.size == 4
    retrying(store := FailingStore(PASSING)).delete("key")
    assert store.objects == {}


def test_the_error_of_the_last_attempt_is_raised() -> None:
    store = FailingStore(*[PASSING] * 10)
    with pytest.raises(PassingError):
        retrying(store).delete("key")
    assert store.calls == 3


@pytest.mark.parametrize("error", [StoreError("refused"), NotInStore("none"), ZeroDivisionError()])
def test_other_errors_are_not_tried_again(error: Exception) -> None:
    store = FailingStore(error)
    with pytest.raises(type(error)):
        read(retrying(store), "key")
    assert store.calls == 1


def test_a_get_that_has_yielded_bytes_does_not_begin_anew() -> None:
    store = FailingStore(PASSING, late=True)
    pieces = retrying(store).get("key")
    assert next(pieces) == b"b"
    with pytest.raises(PassingError):
        next(pieces)


def test_chunks_that_can_be_read_once_are_put_once() -> None:
    store = FailingStore(PASSING)
    with pytest.raises(PassingError):
        retrying(store).put("key", iter([b"x"]))
    assert store.calls == 1


def test_chunks_are_read_anew_for_each_attempt() -> None:
    class Chunks:
        begun = 0

        def __iter__(self) -> Iterator[bytes]:
            self.begun += 1
            yield b"%d" % self.begun

    store = FailingStore(PASSING)
    assert retrying(store).put("key", Chunks())
    assert store.objects["key"] == b"2"


def test_an_empty_object_and_an_empty_listing_stay_empty() -> None:
    store = FailingStore()
    store.objects["key"] = b""
    assert list(islice(Retrying(store, cancel=Cancel()).get("key"), 5)) == [b"", b""]
    assert keys(Retrying(FailingStore(), cancel=Cancel())) == []


class TestRetrying(StoreContract):
    @pytest.fixture
    def open_with(self) -> OpenWith:
        store = MemoryStore(remote="remote `test`")

        def open_with(cancel: Cancel) -> Store:
            store._cancel = cancel
            return Retrying(store, cancel=cancel)

        return open_with


def test_a_range_and_a_condition_reach_the_store() -> None:
    store = retrying(FailingStore(PASSING))
    assert b"".join(store.get("key", start=1, end=3)) == b"od"
    assert not store.put("key", [b"x"], if_version="changed")
    store.close()
    assert store._store.is_closed  # type: ignore[attr-defined]


def test_a_pause_between_attempts_ends_when_the_token_is_cancelled() -> None:
    cancel = Cancel()

    def fail() -> None:
        cancel.request()
        raise PASSING

    with pytest.raises(Cancelled):
        retry(fail, (600,), cancel=cancel)


def test_a_read_only_store_reads_and_does_nothing_else() -> None:
    store = FailingStore()
    store.objects["key"] = b"body"
    wrapped = ReadOnly(store, "remote `lab`")
    assert (read(wrapped, "key"), keys(wrapped)) == (b"body", ["key"])
    assert wrapped.head("key") == Stored("key", 4, 0)
    assert b"".join(wrapped.get("key", start=1)) == b"ody"
    for use in (lambda: wrapped.put("key", [b"x"], replace=True), lambda: wrapped.delete("key")):
        with pytest.raises(StoreError, match="remote `lab` is read-only"):
            use()
    assert store.objects == {"key": b"body"}

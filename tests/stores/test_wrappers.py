"""Retrying and read-only stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import pytest

from weaselish.errors import NotInStore, StoreError
from weaselish.stores.base import Stored
from weaselish.stores.wrappers import PassingError, ReadOnly, Retrying

from .contract import keys, read

Piece = TypeVar("Piece")


class MemoryStore:
    """`failures`: what the next calls raise; `late`: raise after the first piece instead of before."""

    def __init__(self, *failures: Exception, late: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self.failures = list(failures)
        self.late = late
        self.calls = 0

    def list(self, prefix: str) -> Iterator[Stored]:
        return self.pieces([Stored(key, len(body), 0) for key, body in self.objects.items() if key.startswith(prefix)])

    def get(self, key: str) -> Iterator[bytes]:
        return self.pieces([self.objects[key][:1], self.objects[key][1:]])

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        body = b"".join(chunks)
        self.fail()
        self.objects[key] = body
        return True

    def delete(self, key: str) -> None:
        self.fail()
        del self.objects[key]

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


def retrying(store: MemoryStore) -> Retrying:
    store.objects["key"] = b"body"
    return Retrying(store, pauses=(0, 0))


def test_every_operation_is_tried_again() -> None:
    assert read(retrying(MemoryStore(PASSING, PASSING)), "key") == b"body"
    assert keys(retrying(MemoryStore(PASSING))) == ["key"]
    assert retrying(MemoryStore(PASSING)).put("other", [b"x"])
    retrying(store := MemoryStore(PASSING)).delete("key")
    assert store.objects == {}


def test_what_goes_on_failing_is_an_error_after_the_last_attempt() -> None:
    store = MemoryStore(*[PASSING] * 10)
    with pytest.raises(PassingError):
        retrying(store).delete("key")
    assert store.calls == 3


@pytest.mark.parametrize("error", [StoreError("refused"), NotInStore("none"), ZeroDivisionError()])
def test_other_errors_are_not_tried_again(error: Exception) -> None:
    store = MemoryStore(error)
    with pytest.raises(type(error)):
        read(retrying(store), "key")
    assert store.calls == 1


def test_a_get_that_has_given_bytes_is_not_begun_again() -> None:
    store = MemoryStore(PASSING, late=True)
    pieces = retrying(store).get("key")
    assert next(pieces) == b"b"
    with pytest.raises(PassingError):
        next(pieces)


def test_chunks_that_can_be_read_once_are_put_once() -> None:
    store = MemoryStore(PASSING)
    with pytest.raises(PassingError):
        retrying(store).put("key", iter([b"x"]))
    assert store.calls == 1


def test_chunks_are_read_anew_for_each_attempt() -> None:
    class Chunks:
        begun = 0

        def __iter__(self) -> Iterator[bytes]:
            self.begun += 1
            yield b"%d" % self.begun

    store = MemoryStore(PASSING)
    assert retrying(store).put("key", Chunks())
    assert store.objects["key"] == b"2"


def test_an_empty_object_and_an_empty_listing_stay_empty() -> None:
    store = MemoryStore()
    store.objects["key"] = b""
    assert list(islice(Retrying(store).get("key"), 5)) == [b"", b""]
    assert keys(Retrying(MemoryStore())) == []


def test_a_read_only_store_reads_and_does_nothing_else() -> None:
    store = MemoryStore()
    store.objects["key"] = b"body"
    wrapped = ReadOnly(store, "remote `lab`")
    assert (read(wrapped, "key"), keys(wrapped)) == (b"body", ["key"])
    for use in (lambda: wrapped.put("key", [b"x"], replace=True), lambda: wrapped.delete("key")):
        with pytest.raises(StoreError, match="remote `lab` is read-only"):
            use()
    assert store.objects == {"key": b"body"}

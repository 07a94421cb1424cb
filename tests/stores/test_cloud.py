"""What is the same for every cloud, on a bucket in memory that fails as it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, TypeVar

import pytest

from weaselish.errors import NotInStore, StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store, Stored
from weaselish.stores.bucket import Bucket, Part, Trouble
from weaselish.stores.cloud import CloudStore
from weaselish.stores.parts import PART
from weaselish.stores.wrappers import PassingError

from .contract import LARGE, StoreContract, digest, keys, noise, read

Answer = TypeVar("Answer")


class Failure(Exception):
    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble


class MemoryBucket:
    """`failures`: what the next requests of a name raise, after they were carried out if `late`."""

    errors: ClassVar[tuple[type[Exception], ...]] = (Failure,)
    hints: ClassVar[Mapping[Trouble, str]] = {Trouble.REFUSED: "check the key"}

    def __init__(self, remote: Remote) -> None:
        self.prefix, self.endpoint, self.certain, self.lanes = "pre fix", "", True, 4
        self.objects: dict[str, tuple[bytes, str, str]] = {}
        self.failures: dict[str, list[Trouble]] = {}
        self.late = False
        self.requests: list[str] = []
        self.aborted = 0
        self.lock = threading.Lock()

    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]:
        assert isinstance(error, Failure)
        return error.trouble, "detail"

    def credentials(self) -> str:
        return "the key under the mat"

    def request(self, name: str, answer: Callable[[], Answer]) -> Answer:
        with self.lock:
            self.requests.append(name)
            failures = self.failures.get(name, [])
            failure = Failure(failures.pop(0)) if failures else None
            if failure and not self.late:
                raise failure
            got = answer()
            if failure:
                raise failure
            return got

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        def answer() -> tuple[list[Stored], str | None]:
            names = sorted(key for key in self.objects if key.startswith(prefix))
            found = [Stored(name, len(self.objects[name][0]), time.time()) for name in names]
            start = int(token or 0)
            return found[start : start + 7], str(start + 7) if start + 7 < len(found) else None

        return self.request("page", answer)

    def found(self, key: str) -> tuple[bytes, str, str]:
        if key not in self.objects:
            raise Failure(Trouble.NO_OBJECT)
        return self.objects[key]

    def read(self, key: str, start: int, length: int, version: str | None) -> Part:
        def answer() -> Part:
            body, _, found = self.found(key)
            if version not in (None, found):
                raise Failure(Trouble.CONDITION)
            return Part((body[start : start + length],), len(body), found)

        return self.request("read", answer)

    def mark(self, key: str) -> str | None:
        return self.request("mark", lambda: self.found(key)[1])

    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None:
        def answer() -> None:
            if key in self.objects and not replace:
                raise Failure(Trouble.CONDITION)
            self.objects[key] = (body, mark, f"v{len(self.requests)}")

        self.request("write", answer)

    def begin(self, key: str, mark: str, *, replace: bool) -> MemoryUpload:
        return self.request("begin", lambda: MemoryUpload(self, key, mark, replace=replace))

    def delete(self, key: str) -> None:
        self.request("delete", lambda: self.found(key) and self.objects.pop(key))


class MemoryUpload:
    def __init__(self, bucket: MemoryBucket, key: str, mark: str, *, replace: bool) -> None:
        self.bucket, self.key, self.mark, self.replace = bucket, key, mark, replace
        self.parts: dict[int, bytes] = {}

    def send(self, number: int, body: bytes) -> None:
        self.bucket.request("send", lambda: self.parts.update({number: body}))

    def finish(self) -> None:
        body = b"".join(part for _, part in sorted(self.parts.items()))
        self.bucket.write(self.key, body, self.mark, replace=self.replace)

    def abort(self) -> None:
        self.bucket.aborted += 1


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket(Remote("test", "memory://"))


@pytest.fixture
def store(bucket: MemoryBucket) -> Store:
    return open_on(bucket)


def open_on(bucket: Bucket) -> Store:
    return CloudStore(bucket, remote="remote `test`", pauses=(0, 0, 0))


class TestMemory(StoreContract):
    many = 50

    @pytest.fixture
    def store(self, bucket: MemoryBucket) -> Store:
        return open_on(bucket)


@pytest.mark.parametrize("name", ["page", "read", "mark", "write", "begin", "send", "delete"])
def test_a_request_that_fails_in_passing_is_made_again(bucket: MemoryBucket, store: Store, name: str) -> None:
    store.put("old", [b"old"])
    bucket.failures[name] = [Trouble.PASSING, Trouble.UNREACHABLE]
    assert store.put("large", [bytes(2 * PART + 1)])
    assert read(store, "old") == b"old"
    assert keys(store) == ["large", "old"]
    store.delete("old")
    assert not bucket.failures[name]


def test_a_server_that_never_answered_is_given_up_sooner(bucket: MemoryBucket, store: Store) -> None:
    bucket.failures["write"] = [Trouble.UNREACHABLE] * 9
    with pytest.raises(StoreError, match=r"remote `test`: cannot be reached \(detail\) while writing `key`"):
        store.put("key", [b"x"])
    assert len(bucket.requests) == 3
    assert keys(store) == []
    with pytest.raises(StoreError):
        store.put("key", [b"x"])
    assert bucket.requests.count("write") == 3 + 4


def test_a_refusal_is_not_tried_again_and_says_what_was_tried(bucket: MemoryBucket, store: Store) -> None:
    bucket.failures["read"] = [Trouble.REFUSED]
    with pytest.raises(StoreError) as caught:
        read(store, "key")
    assert caught.value.message == (
        "remote `test`: access refused (detail) while reading `key`; tried the key under the mat"
    )
    assert caught.value.hint == "check the key"
    assert bucket.requests == ["read"]


@pytest.mark.parametrize("size", [1, LARGE])
@pytest.mark.parametrize("trouble", [Trouble.PASSING, Trouble.CONFLICT])
def test_an_object_is_ours_though_the_answer_was_lost(
    bucket: MemoryBucket, store: Store, size: int, trouble: Trouble
) -> None:
    bucket.late, bucket.failures["write"] = True, [trouble]
    assert store.put("key", [bytes(size)])
    assert not store.put("key", [b"other"])
    assert bucket.aborted == 0


@pytest.mark.parametrize(("trouble", "request_name"), [(Trouble.CONDITION, "send"), (Trouble.CONFLICT, "write")])
def test_an_object_that_appears_while_a_large_one_is_sent_is_left_as_it_is(
    bucket: MemoryBucket, store: Store, trouble: Trouble, request_name: str
) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(2 * PART + 1)
        bucket.objects["pre fix/key"] = (b"theirs", "their mark", "v")
        yield bytes(PART)

    bucket.failures[request_name] = [trouble]
    assert not store.put("key", chunks())
    assert read(store, "key") == b"theirs"
    assert bucket.aborted == 1


def test_a_lost_race_that_left_no_object_may_be_tried_again(bucket: MemoryBucket, store: Store) -> None:
    bucket.failures["write"] = [Trouble.CONFLICT]
    with pytest.raises(PassingError):
        store.put("key", [b"x"])
    assert store.put("key", [b"x"])


def test_a_failed_upload_is_aborted(bucket: MemoryBucket, store: Store) -> None:
    bucket.failures["send"] = [Trouble.REFUSED]
    with pytest.raises(StoreError):
        store.put("key", [bytes(LARGE)])
    assert bucket.aborted == 1


def test_a_large_object_that_is_there_is_not_sent(bucket: MemoryBucket, store: Store) -> None:
    store.put("key", [b"x"])
    assert not store.put("key", [bytes(LARGE)])
    assert "begin" not in bucket.requests


def test_servers_of_unknown_kind_are_asked_before_each_write(bucket: MemoryBucket, store: Store) -> None:
    bucket.certain = False
    assert store.put("key", [b"x"])
    assert not store.put("key", [b"x"])
    assert bucket.requests == ["mark", "write", "mark"]


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(bucket: MemoryBucket, store: Store) -> None:
    store.put("key", [noise(LARGE)])
    pieces = store.get("key")
    next(pieces)
    bucket.objects["pre fix/key"] = (bytes(LARGE), "", "new")
    with pytest.raises(PassingError, match="remote `test`: `key` was replaced or deleted while it was read"):
        list(pieces)


def test_an_object_that_is_deleted_while_it_is_read_is_not_merely_missing(bucket: MemoryBucket, store: Store) -> None:
    store.put("key", [noise(LARGE)])
    pieces = store.get("key")
    next(pieces)
    store.delete("key")
    with pytest.raises(PassingError) as caught:
        list(pieces)
    assert not isinstance(caught.value, NotInStore)


def test_a_part_that_comes_back_short_is_asked_for_again(bucket: MemoryBucket, store: Store) -> None:
    store.put("key", [noise(LARGE)])
    whole, shortened = bucket.read, []

    def short(key: str, start: int, length: int, version: str | None) -> Part:
        part = whole(key, start, length, version)
        if start == PART and not shortened:
            shortened.append(start)
            return Part((part.pieces[0][:-1],), part.size, part.version)
        return part

    bucket.read = short
    assert digest(store.get("key")) == digest([noise(LARGE)])
    assert shortened


def test_objects_that_mark_folders_are_not_listed(bucket: MemoryBucket, store: Store) -> None:
    store.put("a/b", [b"x"])
    bucket.objects |= {"pre fix/a/": (b"", "", ""), "pre fix/": (b"", "", ""), "pre fix/a//c": (b"", "", "")}
    assert keys(store) == ["a/b"]

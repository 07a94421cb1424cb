"""What all clouds have in common, on a bucket in memory that fails on request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeVar

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, NotInStore, StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store, Stored
from weaselish.stores.bucket import Bucket, Condition, Head, Part
from weaselish.stores.cloud import CloudStore
from weaselish.stores.failures import Failure, FailureKind, detail_of
from weaselish.stores.parts import PART
from weaselish.stores.retry import PassingError

from .contract import LARGE, OpenWith, StoreContract, digest, in_chunks, keys, noise, read

Answer = TypeVar("Answer")


class FakeError(Exception):
    """An error of the fake cloud's library."""

    def __init__(self, kind: FailureKind) -> None:
        self.kind = kind


class FakeBucket:
    """A bucket in memory. `failures`: what the next requests of a name raise, after they were carried out if `late`."""

    errors: ClassVar[tuple[type[Exception], ...]] = (FakeError,)
    hints: ClassVar[Mapping[FailureKind, str]] = {FailureKind.REFUSED: "check the key"}

    def __init__(self, remote: Remote) -> None:
        self.prefix, self.endpoint, self.honours_conditions, self.lanes = "pre fix", "", True, 4
        self.most_deletions = 10
        self.objects: dict[str, tuple[bytes, str, str]] = {}  # key -> body, writer, version
        self.failures: dict[str, list[FailureKind]] = {}
        self.late = False
        self.requests: list[str] = []
        self.aborted = 0
        self.lock = threading.Lock()

    @staticmethod
    def explain(error: Exception) -> Failure:
        assert isinstance(error, FakeError)
        return Failure(error.kind, "detail")

    def credentials(self) -> str:
        return "the key under the mat"

    def request(self, name: str, answer: Callable[[], Answer]) -> Answer:
        with self.lock:
            self.requests.append(name)
            failures = self.failures.get(name, [])
            failure = FakeError(failures.pop(0)) if failures else None
            if failure and not self.late:
                raise failure
            got = answer()
            if failure:
                raise failure
            return got

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        def answer() -> tuple[list[Stored], str | None]:
            names = sorted(key for key in self.objects if key.startswith(prefix))
            stored = [self.stored(name) for name in names]
            start = int(token or 0)
            return stored[start : start + 7], str(start + 7) if start + 7 < len(stored) else None

        return self.request("page", answer)

    def existing(self, key: str) -> tuple[bytes, str, str]:
        if key not in self.objects:
            raise FakeError(FailureKind.NO_OBJECT)
        return self.objects[key]

    def stored(self, key: str) -> Stored:
        body, _, version = self.existing(key)
        return Stored(key, len(body), time.time(), version)

    def read(self, key: str, start: int, length: int, first: Part | None) -> Part:
        def answer() -> Part:
            body, _, version = self.existing(key)
            if first is not None and first.version != version:
                raise FakeError(FailureKind.CONDITION)
            return Part((body[start : start + length],), len(body), version)

        return self.request("read", answer)

    def head(self, key: str) -> Head:
        return self.request("head", lambda: Head(self.stored(key), self.existing(key)[1]))

    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None:
        def answer() -> None:
            head = Head(self.stored(key), "") if key in self.objects else None
            if not condition.holds(head):
                raise FakeError(FailureKind.CONDITION)
            self.objects[key] = (body, writer, f"v{len(self.requests)}")

        self.request("write", answer)

    def begin(self, key: str, writer: str, condition: Condition) -> FakeUpload:
        return self.request("begin", lambda: FakeUpload(self, key, writer, condition))

    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None:
        self.write(target, self.existing(source)[0], writer, condition)

    def delete(self, key: str) -> None:
        self.request("delete", lambda: self.existing(key) and self.objects.pop(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self.request("delete many", lambda: [self.objects.pop(key, None) for key in keys])

    def create(self) -> None:
        self.request("create", lambda: None)

    def close(self) -> None:
        pass


class FakeUpload:
    def __init__(self, bucket: FakeBucket, key: str, writer: str, condition: Condition) -> None:
        self.bucket, self.key, self.writer, self.condition = bucket, key, writer, condition
        self.parts: dict[int, bytes] = {}

    def send(self, number: int, body: bytes) -> None:
        self.bucket.request("send", lambda: self.parts.update({number: body}))

    def finish(self) -> None:
        body = b"".join(part for _, part in sorted(self.parts.items()))
        self.bucket.write(self.key, body, self.writer, self.condition)

    def abort(self) -> None:
        self.bucket.aborted += 1


@pytest.fixture
def bucket() -> FakeBucket:
    return FakeBucket(Remote("test", "fake://"))


@pytest.fixture
def store(bucket: FakeBucket) -> Store:
    return open_on(bucket, Cancel())


def open_on(bucket: Bucket, cancel: Cancel) -> Store:
    return CloudStore(bucket, remote="remote `test`", cancel=cancel, pauses=(0, 0, 0))


class TestFakeBucket(StoreContract):
    many = 50

    @pytest.fixture
    def open_with(self, bucket: FakeBucket) -> OpenWith:
        return lambda cancel: open_on(bucket, cancel)


class TestWithoutConditions(StoreContract):
    """A server that ignores conditions: the store asks for the object before each write."""

    one_wins = one_large_wins = False
    many = 50

    @pytest.fixture
    def open_with(self, bucket: FakeBucket) -> OpenWith:
        bucket.honours_conditions = False
        write = bucket.write
        bucket.write = lambda key, body, writer, condition: write(key, body, writer, Condition())  # type: ignore[method-assign]
        return lambda cancel: open_on(bucket, cancel)


@pytest.mark.parametrize("name", ["page", "read", "head", "write", "begin", "send", "delete"])
def test_a_request_that_fails_in_passing_is_repeated(bucket: FakeBucket, store: Store, name: str) -> None:
    store.put("old", [b"old"])
    bucket.failures[name] = [FailureKind.PASSING, FailureKind.UNREACHABLE]
    assert store.put("large", [bytes(2 * PART + 1)])
    assert read(store, "old") == b"old"
    assert keys(store) == ["large", "old"]
    store.delete("old")
    assert not bucket.failures[name]


def test_a_server_that_never_answered_is_given_up_sooner(bucket: FakeBucket, store: Store) -> None:
    bucket.failures["write"] = [FailureKind.UNREACHABLE] * 9
    with pytest.raises(StoreError, match=r"remote `test`: cannot be reached \(detail\) while writing `key`"):
        store.put("key", [b"x"])
    assert len(bucket.requests) == 3
    assert keys(store) == []
    with pytest.raises(StoreError):
        store.put("key", [b"x"])
    assert bucket.requests.count("write") == 3 + 4


def test_a_refusal_is_not_repeated_and_names_the_credentials_tried(bucket: FakeBucket, store: Store) -> None:
    bucket.failures["read"] = [FailureKind.REFUSED]
    with pytest.raises(StoreError) as caught:
        read(store, "key")
    assert caught.value.message == (
        "remote `test`: access refused (detail) while reading `key`; tried the key under the mat"
    )
    assert caught.value.hint == "check the key"
    assert bucket.requests == ["read"]


@pytest.mark.parametrize("size", [1, LARGE])
@pytest.mark.parametrize("kind", [FailureKind.PASSING, FailureKind.CONFLICT])
def test_an_object_is_ours_though_the_answer_was_lost(
    bucket: FakeBucket, store: Store, size: int, kind: FailureKind
) -> None:
    bucket.late, bucket.failures["write"] = True, [kind]
    assert store.put("key", [bytes(size)])
    assert not store.put("key", [b"other"])
    assert bucket.aborted == 0


@pytest.mark.parametrize(("kind", "request_name"), [(FailureKind.CONDITION, "send"), (FailureKind.CONFLICT, "write")])
def test_an_object_that_appears_during_a_large_upload_stays_unchanged(
    bucket: FakeBucket, store: Store, kind: FailureKind, request_name: str
) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(2 * PART + 1)
        bucket.objects["pre fix/key"] = (b"theirs", "their writer", "v")
        yield bytes(PART)

    bucket.failures[request_name] = [kind]
    assert not store.put("key", chunks())
    assert read(store, "key") == b"theirs"
    assert bucket.aborted == 1


def test_a_lost_race_that_left_no_object_may_be_tried_again(bucket: FakeBucket, store: Store) -> None:
    bucket.failures["write"] = [FailureKind.CONFLICT]
    with pytest.raises(PassingError):
        store.put("key", [b"x"])
    assert store.put("key", [b"x"])


def test_a_failed_upload_is_aborted(bucket: FakeBucket, store: Store) -> None:
    bucket.failures["send"] = [FailureKind.REFUSED]
    with pytest.raises(StoreError):
        store.put("key", [bytes(LARGE)])
    assert bucket.aborted == 1


def test_a_large_object_that_exists_is_not_sent(bucket: FakeBucket, store: Store) -> None:
    store.put("key", [b"x"])
    assert not store.put("key", [bytes(LARGE)])
    assert "begin" not in bucket.requests


def test_a_server_that_may_ignore_conditions_is_asked_before_each_write(bucket: FakeBucket, store: Store) -> None:
    bucket.honours_conditions = False
    assert store.put("key", [b"x"])
    assert not store.put("key", [b"x"])
    assert bucket.requests == ["head", "write", "head"]


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(bucket: FakeBucket, store: Store) -> None:
    store.put("key", [noise(LARGE)])
    pieces = store.get("key")
    next(pieces)
    bucket.objects["pre fix/key"] = (bytes(LARGE), "", "new")
    with pytest.raises(PassingError, match="remote `test`: `key` was replaced or deleted while it was read"):
        list(pieces)


def test_an_object_that_is_deleted_while_it_is_read_is_not_merely_missing(bucket: FakeBucket, store: Store) -> None:
    store.put("key", [noise(LARGE)])
    pieces = store.get("key")
    next(pieces)
    store.delete("key")
    with pytest.raises(PassingError) as caught:
        list(pieces)
    assert not isinstance(caught.value, NotInStore)


def test_a_part_that_comes_back_short_is_requested_again(
    bucket: FakeBucket, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("key", [noise(LARGE)])
    read_part, shortened = bucket.read, list[int]()

    def short(key: str, start: int, length: int, first: Part | None) -> Part:
        part = read_part(key, start, length, first)
        if start == PART and not shortened:
            shortened.append(start)
            return Part((part.pieces[0][:-1],), part.size, part.version)
        return part

    monkeypatch.setattr(bucket, "read", short)
    assert digest(store.get("key")) == digest([noise(LARGE)])
    assert shortened


def test_objects_that_mark_folders_are_not_listed(bucket: FakeBucket, store: Store) -> None:
    store.put("a/b", [b"x"])
    bucket.objects |= {"pre fix/a/": (b"", "", ""), "pre fix/": (b"", "", ""), "pre fix/a//c": (b"", "", "")}
    assert keys(store) == ["a/b"]


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_conditional_write_is_ours_though_the_answer_was_lost(bucket: FakeBucket, store: Store, size: int) -> None:
    store.put("key", [b"old"])
    head = store.head("key")
    assert head is not None
    bucket.late, bucket.failures["write"] = True, [FailureKind.PASSING]
    assert store.put("key", [bytes(size)], if_version=head.version)


def test_a_cancelled_caller_does_not_wait_for_a_server_that_does_not_answer(bucket: FakeBucket) -> None:
    with Cancel() as cancel:
        store, never = open_on(bucket, cancel), threading.Event()
        bucket.head = lambda key: never.wait()  # type: ignore[assignment, method-assign, return-value]
        threading.Timer(0.05, cancel.request).start()
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            store.head("key")
        assert time.monotonic() - begun < 5
        never.set()


def test_a_cancelled_upload_is_aborted_though_a_part_is_under_way(bucket: FakeBucket) -> None:
    with Cancel() as cancel:
        store, never = open_on(bucket, cancel), threading.Event()
        request = bucket.request

        def stall(name: str, answer: Callable[[], Answer]) -> Answer:
            if name == "send":
                cancel.request()
                never.wait()
            return request(name, answer)

        bucket.request = stall  # type: ignore[method-assign]
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            store.put("key", in_chunks(bytes(LARGE)))
        assert time.monotonic() - begun < 5
        assert bucket.aborted == 1
        never.set()


def test_an_upload_that_begins_after_the_cancellation_is_aborted(bucket: FakeBucket) -> None:
    with Cancel() as cancel:
        store, cancelled = open_on(bucket, cancel), threading.Event()
        begin = bucket.begin

        def begin_late(key: str, writer: str, condition: Condition) -> FakeUpload:
            cancel.request()
            cancelled.wait()
            return begin(key, writer, condition)

        bucket.begin = begin_late  # type: ignore[method-assign]
        with pytest.raises(Cancelled):
            store.put("key", in_chunks(bytes(LARGE)))
        cancelled.set()
        deadline = time.monotonic() + 10
        while not bucket.aborted and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bucket.aborted == 1


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("The config profile (ada) could not be found", "The config profile (ada) could not be found"),
        ("two\n  lines. ", "two lines"),
        ("<urllib3.HTTPConnection object at 0x7f12>: Failed: [Errno 111] Connection refused", "Connection refused"),
        ('Could not connect to "http://me:s3cr3t@host/b?sig=s3cr3t"', 'Could not connect to "http://host/b"'),
        ("AccountKey=s3cr3t;sig=s3cr3t", "AccountKey=…;sig=…"),
        ("no user AKIAIOSFODNN7EXAMPLE with my-s3cr3t", "no user … with …"),
        ("x" * 300, "x" * 239 + "…"),
        ("", "Exception"),
    ],
)
def test_a_detail_is_one_short_line_without_secrets(text: str, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "my-s3cr3t")
    assert detail_of(Exception(text)) == detail

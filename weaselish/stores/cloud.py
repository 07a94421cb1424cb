"""A store in a bucket: what all clouds have in common. One module per cloud talks to its library."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TypeVar

from weaselish.cancel import Cancel
from weaselish.errors import NotInStore
from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECTIONS, Bucket, Condition, Head, Part, Upload
from weaselish.stores.failures import ABOUT_CREDENTIALS, PASSING, Failure, FailureKind, RequestFailed, request_failed
from weaselish.stores.keys import check_key, is_key
from weaselish.stores.parts import PART, THREADS, PartTransfers, split_into_parts
from weaselish.stores.retry import PassingError, retry
from weaselish.stores.threads import Threads

PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between attempts of one request
ATTEMPTS_BEFORE_ANY_ANSWER = 3  # a server that never answered is given up sooner
ABORTING = 0.7  # seconds that a cancelled upload waits until the server has dropped its parts

T = TypeVar("T")


class CutShort(Exception):
    """A response ended before its announced length."""


class CloudStore:
    """Objects in `bucket`; `remote` is how messages name the store.

    Requests are repeated after passing failures. Large objects are transferred in parts, several at a time, in memory
    that does not grow with them. An interrupted upload leaves no object. Requests of the main thread run in another
    thread, so that it need not wait for a server once it is cancelled.
    """

    def __init__(
        self, bucket: Bucket, *, remote: str, cancel: Cancel | None = None, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._bucket = bucket
        self._remote = remote
        self._cancel = cancel or Cancel()
        self._pauses = pauses
        self._base = f"{bucket.prefix}/" if bucket.prefix else ""
        self._reached = False
        self._parts = PartTransfers(self._cancel)
        self._threads = Threads()
        self._connections = threading.BoundedSemaphore(CONNECTIONS)

    def list(self, prefix: str) -> Iterator[Stored]:
        if prefix:
            check_key(prefix, self._remote)
        doing = f"listing `{prefix}`" if prefix else "listing it"
        return self._list(self._base + (f"{prefix}/" if prefix else ""), doing)

    def head(self, key: str) -> Stored | None:
        check_key(key, self._remote)
        head = self._head(key)
        return None if head is None else self._named(head.stored)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        check_key(key, self._remote)
        return self._get(key, start, end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        """Store an object as the protocol says.

        A server that ignores conditions is asked for the object just before the write.
        """
        check_key(key, self._remote)
        condition = Condition(absent=not replace and if_version is None, version=if_version)
        parts = split_into_parts(self._checked(chunks))
        first = list(islice(parts, 2))
        is_large = len(first) == 2
        is_worth_asking = is_large or not self._bucket.honours_conditions
        if condition and is_worth_asking and not condition.holds(self._head(key)):
            return False
        writer = uuid.uuid4().hex
        if is_large:
            return self._put_parts(key, _drained(first, parts), writer, condition)
        write = partial(self._bucket.write, self._base + key, b"".join(first), writer, condition)
        request = partial(self._request, f"writing `{key}`", write, absent=_absent(condition))
        return self._wrote(key, writer, request, condition)

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        """Copy an object as the protocol says. The target is asked for first: not every server checks a condition."""
        for key in (source, target):
            check_key(key, self._remote)
        head, condition = self._head(source), Condition(absent=not replace)
        if head is None:
            raise NotInStore(f"{self._remote}: no object `{source}`")
        if not condition.holds(self._head(target)):
            return False
        writer = uuid.uuid4().hex
        keys = self._base + source, self._base + target
        copy = partial(self._bucket.copy, *keys, head.stored.size, writer, condition)
        request = partial(self._request, f"copying `{source}`", copy, absent=FailureKind.NO_OBJECT)
        return self._wrote(target, writer, request, condition)

    def delete(self, key: str) -> None:
        check_key(key, self._remote)
        delete = partial(self._bucket.delete, self._base + key)
        try:
            self._request(f"deleting `{key}`", delete, absent=FailureKind.NO_OBJECT)
        except RequestFailed as error:
            if error.kind is not FailureKind.NO_OBJECT:
                raise

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            check_key(key, self._remote)
        most = self._bucket.most_deletions
        if most == 1:
            for _ in self._parts.in_order((1, partial(self.delete, key)) for key in keys):
                pass
            return
        for start in range(0, len(keys), most):
            batch = [self._base + key for key in keys[start : start + most]]
            self._request(f"deleting {len(batch)} objects", partial(self._bucket.delete_many, batch))

    def close(self) -> None:
        self._parts.close()
        self._threads.close()
        self._bucket.close()

    def _named(self, stored: Stored) -> Stored:
        return Stored(stored.key.removeprefix(self._base), stored.size, stored.modified, stored.version)

    def _list(self, prefix: str, doing: str) -> Iterator[Stored]:
        token: str | None = None
        while True:
            page, token = self._request(doing, partial(self._bucket.page, prefix, token))
            for stored in map(self._named, page):
                self._cancel.check()
                if is_key(stored.key):  # other tools mark folders by objects whose names end in a slash
                    yield stored
            if not token:
                return

    def _head(self, key: str) -> Head | None:
        head = partial(self._bucket.head, self._base + key)
        try:
            return self._request(f"looking for `{key}`", head, absent=FailureKind.NO_OBJECT)
        except RequestFailed as error:
            if error.kind is FailureKind.NO_OBJECT:
                return None
            raise

    # -- reading ----------------------------------------------------------------------------------------------------

    def _get(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        try:
            first = self._threads.run(partial(self._read, key, start, end, None), self._cancel)
        except RequestFailed as error:
            if error.kind is FailureKind.NO_OBJECT:
                raise NotInStore(f"{self._remote}: no object `{key}`") from None
            raise
        yield from self._checked(first.pieces)
        size = first.size if end is None else min(end, first.size)
        version = Part((), first.size, first.version)
        del first  # its bytes
        calls = ((PART, partial(self._read, key, begin, size, version)) for begin in range(start + PART, size, PART))
        try:
            for part in self._parts.in_order(calls):
                yield from self._checked(part.pieces)
        except RequestFailed as error:
            if error.kind in (FailureKind.NO_OBJECT, FailureKind.CONDITION):
                raise PassingError(f"{self._remote}: `{key}` was replaced or deleted while it was read") from None
            raise

    def _read(self, key: str, start: int, end: int | None, first: Part | None) -> Part:
        """Read up to PART bytes from `start`, of the version of `first` if that is given."""
        length = PART if end is None else max(0, min(PART, end - start))
        doing = f"reading `{key}`"

        def request() -> Part:
            part = self._bucket.read(self._base + key, start, max(1, length), first)
            if sum(map(len, part.pieces)) != max(0, min(max(1, length), part.size - start)):
                raise CutShort
            return part

        part = self._repeated(doing, request, absent=FailureKind.NO_OBJECT)
        if first and (part.version, part.size) != (first.version, first.size):
            raise request_failed(self._remote, Failure(FailureKind.CONDITION), doing, {})
        return part if length else Part((), part.size, part.version)

    # -- writing ----------------------------------------------------------------------------------------------------

    def _checked(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks that are not empty, as long as the store is not cancelled."""
        for chunk in filter(None, chunks):
            self._cancel.check()
            yield chunk

    def _put_parts(self, key: str, parts: Iterator[bytes], writer: str, condition: Condition) -> bool:
        doing = f"writing `{key}`"
        upload = self._request(doing, partial(self._begin, self._base + key, writer, condition))
        calls = (
            (len(part), partial(self._repeated, doing, partial(upload.send, number, part)))
            for number, part in enumerate(parts)
        )

        def write() -> None:
            for _ in self._parts.in_order(calls, most=min(self._bucket.lanes, THREADS)):
                pass
            if condition and not self._bucket.honours_conditions and not condition.holds(self._head(key)):
                raise request_failed(self._remote, Failure(FailureKind.CONDITION), doing, {})
            self._request(doing, upload.finish, absent=_absent(condition))

        wrote = False
        try:
            wrote = self._wrote(key, writer, write, condition)
        finally:
            if not wrote:
                self._abort(upload)
        return wrote

    def _begin(self, key: str, writer: str, condition: Condition) -> Upload:
        upload = self._bucket.begin(key, writer, condition)
        if self._cancel.level:  # the caller has abandoned this request
            with suppress(*self._bucket.errors):
                upload.abort()
        return upload

    def _wrote(self, key: str, writer: str, write: Callable[[], None], condition: Condition) -> bool:
        """Return whether `write` stored the object, even if the answer was lost and the request repeated."""
        try:
            write()
        except RequestFailed as error:
            if error.kind is FailureKind.NO_OBJECT and condition.version is not None:
                return False
            if error.kind not in (FailureKind.CONDITION, FailureKind.CONFLICT):
                raise
            head = self._head(key)
            if head is not None and head.writer == writer:
                return True
            if not condition or (condition.absent and head is None):
                raise PassingError(error.message, hint="try again") from None
            return False
        return True

    def _abort(self, upload: Upload) -> None:
        """Drop the parts. If that fails, the bucket's rules for unfinished uploads apply; they are not objects."""
        future = self._threads.submit(upload.abort)
        with suppress(TimeoutError, *self._bucket.errors):
            future.result(ABORTING if self._cancel.level else None)

    # -- requests ---------------------------------------------------------------------------------------------------

    def _request(self, doing: str, request: Callable[[], T], *, absent: FailureKind = FailureKind.NO_BUCKET) -> T:
        return self._threads.run(partial(self._repeated, doing, request, absent=absent), self._cancel)

    def _repeated(self, doing: str, request: Callable[[], T], *, absent: FailureKind = FailureKind.NO_BUCKET) -> T:
        """Send a request, repeat it after passing failures, and translate the library's errors.

        `absent` is what it means if the server answers "not found" without saying what.
        """
        return retry(
            partial(self._once, doing, request, absent),
            self._pauses,
            cancel=self._cancel,
            is_passing=lambda error: isinstance(error, RequestFailed) and error.kind in PASSING,
            attempts=lambda: len(self._pauses) + 1 if self._reached else ATTEMPTS_BEFORE_ANY_ANSWER,
        )

    def _once(self, doing: str, request: Callable[[], T], absent: FailureKind) -> T:
        try:
            with self._connections:
                answer = request()
        except CutShort:
            failure = Failure(FailureKind.PASSING, "the answer was cut short")
        except self._bucket.errors as error:
            failure = self._bucket.explain(error)
            if failure.kind is FailureKind.NO_OBJECT:
                failure = failure._replace(kind=absent)
        else:
            self._reached = True
            return answer
        tried = self._bucket.credentials() if failure.kind in ABOUT_CREDENTIALS else ""
        raise request_failed(self._remote, failure, doing, self._bucket.hints, tried)


def _absent(condition: Condition) -> FailureKind:
    """Return what a server means that finds nothing when it is to write."""
    return FailureKind.NO_BUCKET if condition.version is None else FailureKind.NO_OBJECT


def _drained(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the items of `first`, removing them, then the rest."""
    while first:
        yield first.pop(0)
    yield from rest

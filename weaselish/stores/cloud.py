"""A store in a bucket: what is the same for every cloud. Beside it, one module per cloud talks to its library."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from weaselish.errors import NotInStore, StoreError
from weaselish.stores.base import Stored
from weaselish.stores.keys import check_key, is_key
from weaselish.stores.parts import PART, THREADS, Mover, cut
from weaselish.stores.wrappers import PassingError, pause

if TYPE_CHECKING:
    from weaselish.model.project import Remote

PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between attempts of one request
CONNECTIONS = 10  # requests at once; more than the libraries' connection pools hold would be opened anew each time
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds

T = TypeVar("T")


class Trouble(Enum):
    """Why a request failed. Each cloud's module maps its library's errors to these."""

    NO_OBJECT = "no such object"
    NO_BUCKET = "no such bucket"
    NO_CREDENTIALS = "no usable credentials"
    EXPIRED = "the credentials have expired"
    REFUSED = "access refused"
    WRONG_CLOCK = "this machine's clock is wrong"
    WRONG_REGION = "the bucket lies in another region"
    UNTRUSTED = "its certificate is not trusted"
    MISCONFIGURED = "the remote is not set up right"
    UNREACHABLE = "cannot be reached"
    PASSING = "the connection or the server failed"
    CONDITION = "the object is there, or changed"
    CONFLICT = "another writer was faster"
    OTHER = "the request failed"


AGAIN = {Trouble.UNREACHABLE, Trouble.PASSING}
ABOUT_CREDENTIALS = {Trouble.NO_CREDENTIALS, Trouble.EXPIRED, Trouble.REFUSED}


class CutShort(Exception):
    """A response ended before its announced length."""


class Refused(StoreError):
    """A request that failed for good."""

    def __init__(self, trouble: Trouble, message: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an object's bytes, the size of all of it, and what identifies this version of it."""

    pieces: Sequence[bytes]
    size: int
    version: str


class Upload(Protocol):
    """An object on its way. `send` may be called from several threads, once per part, numbered from 0."""

    def send(self, number: int, body: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Bucket(Protocol):
    """One bucket, through its cloud's own library, whose errors come out as they are. Used by several threads.

    Each call is one request, or few; nothing is tried again inside. Keys are whole. `mark` is a word kept with
    the object, by which its writer knows it again.
    """

    errors: ClassVar[tuple[type[Exception], ...]]
    hints: ClassVar[Mapping[Trouble, str]]
    prefix: str  # of all keys, without slashes around it
    endpoint: str  # the server's URL, "" for the cloud's own
    certain: bool  # a server of this kind is known to honour create-only
    lanes: int  # parts of one upload that may be sent at once

    def __init__(self, remote: Remote) -> None: ...  # raises what is wrong with the remote, asks no server
    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]: ...  # and a detail, never a secret
    def credentials(self) -> str: ...  # where they were found, or what was tried
    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]: ...
    def read(self, key: str, start: int, length: int, version: str | None) -> Part: ...
    def mark(self, key: str) -> str | None: ...  # None: no such object
    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None: ...
    def begin(self, key: str, mark: str, *, replace: bool) -> Upload: ...
    def delete(self, key: str) -> None: ...


def refusal(remote: str, trouble: Trouble, detail: str, doing: str, hint: str | None, tried: str = "") -> Refused:
    said = trouble.value + (f" ({detail})" if detail else "")
    return Refused(trouble, f"{remote}: {said} while {doing}" + (f"; tried {tried}" if tried else ""), hint)


class CloudStore:
    """Objects in `bucket`; `remote` is how messages call the store.

    Requests are tried again after passing failures, with more patience once the server has answered. Large objects
    move in parts, several at once, in memory that does not grow with them. An interrupted upload leaves no object.
    """

    def __init__(self, bucket: Bucket, *, remote: str, pauses: Sequence[float] = PAUSES) -> None:
        self._bucket = bucket
        self._remote = remote
        self._pauses = pauses
        self._base = f"{bucket.prefix}/" if bucket.prefix else ""
        self._reached = False
        self._mover = Mover()
        self._connections = threading.BoundedSemaphore(CONNECTIONS)

    def list(self, prefix: str) -> Iterator[Stored]:
        if prefix:
            check_key(prefix, self._remote)
        doing = f"listing `{prefix}`" if prefix else "listing it"
        return self._list(self._base + (f"{prefix}/" if prefix else ""), doing)

    def get(self, key: str) -> Iterator[bytes]:
        check_key(key, self._remote)
        return self._get(key)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        """Where the server does not know create-only writes, whether the object exists is asked just before."""
        check_key(key, self._remote)
        parts = cut(chunks)
        head = list(islice(parts, 2))
        is_large = len(head) == 2
        unsure = not (replace or self._bucket.certain)
        if (unsure or (is_large and not replace)) and self._mark(key) is not None:
            return False
        mark = uuid.uuid4().hex
        if is_large:
            return self._put_parts(key, _drained(head, parts), mark, replace=replace)
        write = partial(self._bucket.write, self._base + key, b"".join(head), mark, replace=replace)
        return self._created(key, mark, write, replace=replace)

    def delete(self, key: str) -> None:
        check_key(key, self._remote)
        try:
            delete = partial(self._bucket.delete, self._base + key)
            self._ask(f"deleting `{key}`", delete, absent=Trouble.NO_OBJECT)
        except Refused as refused:
            if refused.trouble is not Trouble.NO_OBJECT:
                raise

    def _list(self, prefix: str, doing: str) -> Iterator[Stored]:
        token: str | None = None
        while True:
            page, token = self._ask(doing, partial(self._bucket.page, prefix, token))
            for stored in page:
                key = stored.key.removeprefix(self._base)
                if is_key(key):  # other tools mark folders by objects whose names end in a slash
                    yield Stored(key, stored.size, stored.modified)
            if not token:
                return

    def _get(self, key: str) -> Iterator[bytes]:
        try:
            first = self._read(key, 0, None)
        except Refused as refused:
            if refused.trouble is Trouble.NO_OBJECT:
                raise NotInStore(f"{self._remote}: no object `{key}`") from None
            raise
        yield from first.pieces
        starts = range(PART, first.size, PART)
        calls = ((PART, partial(self._read, key, start, first)) for start in starts)
        try:
            for part in self._mover.in_order(calls):
                yield from part.pieces
        except Refused as refused:
            if refused.trouble in (Trouble.NO_OBJECT, Trouble.CONDITION):
                raise PassingError(f"{self._remote}: `{key}` was replaced or deleted while it was read") from None
            raise

    def _read(self, key: str, start: int, first: Part | None) -> Part:
        def request() -> Part:
            part = self._bucket.read(self._base + key, start, PART, first.version if first else None)
            if sum(map(len, part.pieces)) != min(PART, part.size - start):
                raise CutShort
            return part

        doing = f"reading `{key}`"
        part = self._ask(doing, request, absent=Trouble.NO_OBJECT)
        if first and (part.version, part.size) != (first.version, first.size):
            raise refusal(self._remote, Trouble.CONDITION, "", doing, None)
        return part

    def _put_parts(self, key: str, parts: Iterator[bytes], mark: str, *, replace: bool) -> bool:
        doing = f"writing `{key}`"
        upload = self._ask(doing, partial(self._bucket.begin, self._base + key, mark, replace=replace))
        created = False
        try:
            calls = (
                (len(part), partial(self._ask, doing, partial(upload.send, number, part)))
                for number, part in enumerate(parts)
            )
            for _ in self._mover.in_order(calls, most=min(self._bucket.lanes, THREADS)):
                pass
            if replace or self._bucket.certain or self._mark(key) is None:
                created = self._created(key, mark, upload.finish, replace=replace)
        finally:
            if not created:
                self._abort(upload)
        return created

    def _created(self, key: str, mark: str, write: Callable[[], None], *, replace: bool) -> bool:
        """Whether `write` made the object; also when it did, the answer was lost, and it was asked again."""
        try:
            self._ask(f"writing `{key}`", write)
        except Refused as refused:
            if refused.trouble not in (Trouble.CONDITION, Trouble.CONFLICT):
                raise
            found = self._mark(key)
            if found is None or (replace and found != mark):
                raise PassingError(refused.message, hint="try again") from None
            return found == mark
        return True

    def _mark(self, key: str) -> str | None:
        try:
            mark = partial(self._bucket.mark, self._base + key)
            return self._ask(f"looking for `{key}`", mark, absent=Trouble.NO_OBJECT)
        except Refused as refused:
            if refused.trouble is Trouble.NO_OBJECT:
                return None
            raise

    def _abort(self, upload: Upload) -> None:
        """What cannot be aborted now is left to the bucket's own rules for unfinished uploads; it is no object."""
        try:
            upload.abort()
        except self._bucket.errors:
            return

    def _ask(self, doing: str, request: Callable[[], T], *, absent: Trouble = Trouble.NO_BUCKET) -> T:
        """One request, tried again after passing failures, with the library's errors put into our words.

        `absent` is what the server means when it says no more than "not found".
        """
        for attempt in range(len(self._pauses) + 1):
            try:
                with self._connections:
                    answer = request()
                self._reached = True
                return answer
            except CutShort:
                trouble, detail = Trouble.PASSING, "the answer was cut short"
            except self._bucket.errors as error:
                trouble, detail = self._bucket.explain(error)
                trouble = absent if trouble is Trouble.NO_OBJECT else trouble
            patience = len(self._pauses) if self._reached else min(2, len(self._pauses))
            if trouble not in AGAIN or attempt >= patience:
                break
            pause(self._pauses[attempt])
        tried = self._bucket.credentials() if trouble in ABOUT_CREDENTIALS else ""
        raise refusal(self._remote, trouble, detail, doing, self._bucket.hints.get(trouble), tried)


def _drained(head: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """`head`, emptied on the way, then the rest."""
    while head:
        yield head.pop(0)
    yield from rest

"""A store in a bucket: what is the same for every cloud. One module per cloud beside it talks to its library."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from weaselish.errors import NotInStore
from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECTIONS, Bucket, Part, Refused, Trouble, Upload, refusal
from weaselish.stores.keys import check_key, is_key
from weaselish.stores.parts import PART, THREADS, Mover, cut
from weaselish.stores.wrappers import PassingError, pause

PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between attempts of one request
AGAIN = {Trouble.UNREACHABLE, Trouble.PASSING}
ABOUT_CREDENTIALS = {Trouble.NO_CREDENTIALS, Trouble.EXPIRED, Trouble.REFUSED}

T = TypeVar("T")


class CutShort(Exception):
    """A response ended before its announced length."""


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
        return self._created(key, mark, partial(self._ask, f"writing `{key}`", write), replace=replace)

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
        calls = (
            (len(part), partial(self._ask, doing, partial(upload.send, number, part)))
            for number, part in enumerate(parts)
        )

        def write() -> None:
            for _ in self._mover.in_order(calls, most=min(self._bucket.lanes, THREADS)):
                pass
            if not (replace or self._bucket.certain) and self._mark(key) is not None:
                raise refusal(self._remote, Trouble.CONDITION, "", doing, None)
            self._ask(doing, upload.finish)

        created = False
        try:
            created = self._created(key, mark, write, replace=replace)
        finally:
            if not created:
                self._abort(upload)
        return created

    def _created(self, key: str, mark: str, write: Callable[[], None], *, replace: bool) -> bool:
        """Whether `write` made the object; also when it did, the answer was lost, and it was asked again."""
        try:
            write()
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

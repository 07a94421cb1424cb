"""The store protocol: a flat map of keys to objects. Behaviour is added by wrappers, not by flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """An object without its bytes.

    `size` is in bytes, `modified` in seconds since 1970 by the store's own clock. `version` identifies the current
    content, as an entity tag does: it differs after each change. It is empty if the store does not report one.
    """

    key: str
    size: int
    modified: float
    version: str = ""


class Store(Protocol):
    """A container of objects. Keys are relative and `/`-separated, without empty, `.` or `..` segments.

    Every method may be called from several threads at once. It raises `StoreError` with a message that names the
    remote and never a credential. An object appears complete or not at all, even if this process is killed, and its
    bytes never change under a reader. A store is opened with a cancellation token. Once that is cancelled, methods and
    iterators raise `Cancelled`: in the main thread at once, even while they wait for a server, and elsewhere before
    the next request or piece.
    """

    def list(self, prefix: str) -> Iterator[Stored]:
        """Iterate over the objects below `prefix`, in no particular order, in memory that does not grow with them.

        The prefix matches complete segments only: `iris` does not match `iris2/x`. An empty prefix matches all keys.
        """
        ...

    def head(self, key: str) -> Stored | None:
        """Return the object without its bytes, None if it does not exist."""
        ...

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Iterate over the object's bytes from `start` up to, not including, `end`, in pieces.

        What exceeds the object's size is left out. Raises `NotInStore`, at the latest when the first piece is read.
        """
        ...

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        """Store an object and return True.

        Return False, and store nothing, if an object exists; unless `replace`, which replaces it. With `if_version`,
        replace it only if it still has that version, as `head` reported it, and else return False. If `chunks` raises,
        nothing is stored and the caller gets the exception.
        """
        ...

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        """Store the object `source` under the key `target`, too, within the store. Return True.

        Return False, and store nothing, if `target` exists; unless `replace`, which replaces it. Raises `NotInStore`
        without `source`, and `CannotCopy` if the store cannot do this: the caller can put the bytes instead.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object. A missing object is not an error."""
        ...

    def delete_many(self, keys: Sequence[str]) -> None:
        """Remove several objects, with few requests where the server can. A failure may leave some of them."""
        ...

    def close(self) -> None:
        """Release connections and threads. The store must not be used afterwards."""
        ...

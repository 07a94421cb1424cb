"""The store protocol: a flat map of keys to objects. Behaviour is added by wrapping, not by flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a listing shows it. `size` in bytes, `modified` in seconds since 1970 by the store's own clock."""

    key: str
    size: int
    modified: float


class Store(Protocol):
    """Where objects are kept. Keys are relative, `/`-separated, without empty, `.` or `..` segments.

    Every method may be called from several threads at once, and raises `StoreError` with a message that names the
    remote and never a credential. An object appears whole or not at all, whatever happens to this process, and its
    bytes never change under a reader.
    """

    def list(self, prefix: str) -> Iterator[Stored]:
        """The objects below `prefix`, which matches whole segments only (`iris` never finds `iris2/x`); all for ""."""
        ...

    def get(self, key: str) -> Iterator[bytes]:
        """The object's bytes, in pieces. Raises `NotInStore`, at the latest when the first piece is asked for."""
        ...

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False) -> bool:
        """Store an object; False if there already was one, which is then left as it is unless `replace`.

        If `chunks` raises, nothing appears and the exception goes to the caller.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        ...

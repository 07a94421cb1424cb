"""A store in memory: the reference implementation of the protocol, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from weaselish.cancel import Cancel
from weaselish.errors import NotInStore
from weaselish.stores.base import Stored
from weaselish.stores.keys import check_key

_PIECE = 2**20  # bytes


class MemoryStore:
    """Objects in a dict. `remote` is how messages name the store."""

    def __init__(self, *, remote: str = "remote `memory`", cancel: Cancel | None = None) -> None:
        self._remote = remote
        self._cancel = cancel or Cancel()
        self._objects: dict[str, tuple[Stored, bytes]] = {}
        self._versions = count(1)
        self._lock = threading.Lock()  # guards the two above

    def list(self, prefix: str) -> Iterator[Stored]:
        if prefix:
            check_key(prefix, self._remote)
        return self._list(f"{prefix}/" if prefix else "")

    def _list(self, prefix: str) -> Iterator[Stored]:
        with self._lock:
            objects = list(self._objects.values())
        for stored, _ in objects:
            self._cancel.check()
            if stored.key.startswith(prefix):
                yield stored

    def head(self, key: str) -> Stored | None:
        check_key(key, self._remote)
        self._cancel.check()
        with self._lock:
            return self._objects[key][0] if key in self._objects else None

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        check_key(key, self._remote)
        return self._get(key, slice(start, end))

    def _get(self, key: str, part: slice) -> Iterator[bytes]:
        with self._lock:
            if key not in self._objects:
                raise NotInStore(f"{self._remote}: no object `{key}`")
            body = self._objects[key][1][part]
        for begin in range(0, len(body), _PIECE):
            self._cancel.check()
            yield body[begin : begin + _PIECE]

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        check_key(key, self._remote)
        pieces = []
        for chunk in chunks:
            self._cancel.check()
            pieces.append(bytes(chunk))
        body = b"".join(pieces)
        with self._lock:
            current = self._objects[key][0].version if key in self._objects else None
            if not _may_write(current, replace=replace, if_version=if_version):
                return False
            self._objects[key] = (Stored(key, len(body), time.time(), str(next(self._versions))), body)
        return True

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        return self.put(target, list(self.get(source)), replace=replace)

    def delete(self, key: str) -> None:
        check_key(key, self._remote)
        self._cancel.check()
        with self._lock:
            self._objects.pop(key, None)

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def close(self) -> None:
        pass


def _may_write(current: str | None, *, replace: bool, if_version: str | None) -> bool:
    if if_version is not None:
        return current == if_version
    return replace or current is None

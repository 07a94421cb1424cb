"""Tries out a remote: lists it, then writes, reads back and deletes a small object."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from weaselish.cancel import Cancel
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.errors import ProjError, StoreError
from weaselish.model.project import Remote
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Store

_SIZE = 1 << 16  # bytes of the object


class ProbeStep(NamedTuple):
    """One operation that was tried."""

    name: str
    seconds: float
    error: ProjError | None = None


def probe(remote: Remote, *, open_store: OpenStore, cancel: Cancel) -> Iterator[ProbeStep]:
    """Open the remote, then try each operation as its result is asked for. Ends after the first that fails.

    Writes nothing if the remote is read-only. Raises StoreError if it cannot be opened.
    """
    return _try_all(open_store(remote), remote, cancel)


def _try_all(store: Store, remote: Remote, cancel: Cancel) -> Iterator[ProbeStep]:
    for name, operation in _operations(store, remote):
        begun = time.monotonic()
        try:
            run_aside(operation, cancel)
        except ProjError as error:
            yield ProbeStep(name, time.monotonic() - begun, error)
            break
        yield ProbeStep(name, time.monotonic() - begun)
    store.close()  # not after Ctrl-C, when a thread may still be blocked in it


def _operations(store: Store, remote: Remote) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "list", lambda: next(iter(store.list(".proj")), None)
    if remote.read_only:
        return
    key, data = f".proj/test/{os.urandom(8).hex()}", os.urandom(_SIZE)

    def read_back() -> None:
        try:
            if b"".join(store.get(key)) != data:
                raise StoreError(f"remote `{remote.name}` returned other bytes than were stored")
        except ProjError:
            with contextlib.suppress(ProjError):
                store.delete(key)
            raise

    yield "write", lambda: store.put(key, [data])
    yield "read back", read_back
    yield "delete", lambda: store.delete(key)

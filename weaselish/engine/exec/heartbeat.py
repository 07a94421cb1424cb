"""Shows on the remote that a job is alive, so that `proj gc` keeps what it needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from weaselish.errors import Cancelled, ProjError
from weaselish.stores.base import Store

EVERY = 21_600.0  # seconds between two signs of life
QUIET = 86_400.0  # seconds without one after which a job counts as gone


@contextmanager
def beating(store: Store, key: str) -> Iterator[None]:
    """Store the object `key` anew at intervals while the block lasts. A failure is not an error."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(EVERY):
            with suppress(ProjError, Cancelled):
                store.put(key, [b""], replace=True)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        ended.set()

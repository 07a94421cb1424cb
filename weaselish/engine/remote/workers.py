"""Threads for transfers, which give up together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import TracebackType


class Workers(ThreadPoolExecutor):
    """Up to `jobs` calls at a time, for a `with` block. If that fails, by Ctrl-C say, `stopped` is set for the calls to
    look at, those that have not begun are dropped, and the others are waited for.
    """

    def __init__(self, jobs: int, stopped: Event) -> None:
        super().__init__(max(1, jobs))
        self._stopped = stopped

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            self._stopped.set()
            self.shutdown(wait=False, cancel_futures=True)
        return super().__exit__(kind, error, trace)

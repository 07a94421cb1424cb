"""The budget of file descriptors."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled
from weaselish.locks.fd_budget import reserve


@pytest.fixture(autouse=True)
def limit() -> Iterator[int]:
    """Allow 200 descriptors more than are open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = len(os.listdir("/dev/fd")) + 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_reservations_share_what_the_process_may_still_open(limit: int) -> None:
    reported: list[str] = []
    cancel = Cancel()
    cancel.request()
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(reserve(10, on_wait=reported.append, cancel=cancel))
        assert reported == []
        with pytest.raises(Cancelled), reserve(10, on_wait=reported.append, cancel=cancel):
            pass
        assert reported == [f"other steps to end: no more than {limit} files may be open (`ulimit -n`)"]
    with reserve(160, on_wait=reported.append, cancel=cancel):
        pass


def test_a_sole_caller_is_never_refused() -> None:
    with reserve(100_000, on_wait=lambda text: pytest.fail(text), cancel=Cancel()):
        pass


def test_files_that_are_open_already_leave_less_to_reserve() -> None:
    cancel = Cancel()
    cancel.request()
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        second = reserve(50, on_wait=print, cancel=cancel)
        with reserve(50, on_wait=print, cancel=cancel), pytest.raises(Cancelled), second:
            pass
    finally:
        for fd in opened:
            os.close(fd)

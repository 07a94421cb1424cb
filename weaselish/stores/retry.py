"""Retry what failed in passing, with pauses that a cancelled token ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import tenacity

from weaselish.cancel import Cancel
from weaselish.errors import StoreError

T = TypeVar("T")


class PassingError(StoreError):
    """An object changed while it was read, or another process was quicker. `proj` tries several times.

    Cure: try again.
    """


def retry(
    call: Callable[[], T],
    pauses: Sequence[float],
    *,
    cancel: Cancel,
    is_passing: Callable[[BaseException], bool] = lambda error: isinstance(error, PassingError),
    attempts: Callable[[], int] | None = None,
) -> T:
    """Return what `call` returns, calling it again after an error that `is_passing`. The last error is raised.

    `pauses` are in seconds, one before each further attempt. Each lasts for half to all of that time, so that clients
    which failed together do not come back together. `attempts` can lower the number of attempts after each failure.
    """
    most = len(pauses) + 1
    waits = [tenacity.wait_random(seconds / 2, seconds) for seconds in pauses]
    retrying = tenacity.Retrying(
        stop=lambda state: state.attempt_number >= min(most, attempts() if attempts else most),
        wait=tenacity.wait_chain(*waits) if waits else tenacity.wait_none(),
        retry=tenacity.retry_if_exception(is_passing),
        sleep=cancel.sleep,
        reraise=True,
    )
    return retrying(call)

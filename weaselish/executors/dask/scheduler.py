"""What Dask's scheduler does for us. It need not have this package installed."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client


def forget_events(client: Client, topic: str) -> None:
    """Drop the output of a job that has ended: Dask would keep it in memory for good. A failure is not an error."""
    import cloudpickle

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        with suppress(Exception):  # an older or later Dask keeps events in another way
            client.run_on_scheduler(_drop, topic)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _drop(topic: str, dask_scheduler: Any = None) -> None:
    """Run on the scheduler: remove the events of a topic."""
    dask_scheduler._broker.truncate(topic)

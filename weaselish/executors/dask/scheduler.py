"""What Dask's scheduler does for us. It need not have this package installed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client


def forget_events(client: Client, topic: str) -> None:
    """Drop the output of a job that has ended: Dask would keep it in memory for good. A failure is not an error."""

    def drop(dask_scheduler: Any = None) -> None:
        """Run on the scheduler, which need not have this package: local functions travel with their code."""
        dask_scheduler._broker.truncate(topic)

    with suppress(Exception):  # an older or later Dask keeps events in another way
        client.run_on_scheduler(drop)

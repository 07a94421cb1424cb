"""Opens the executor that runs the steps of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weaselish.executors.base import Executor


def open_executor() -> Executor:
    """Importing it takes a while: call this when there is something to run."""
    from weaselish.executors.local.executor import LocalExecutor

    return LocalExecutor()

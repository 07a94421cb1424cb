"""Refuses what an executor can never do, before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.errors import ProjError
from weaselish.model.executors import LOCAL
from weaselish.model.project import Command

if TYPE_CHECKING:
    from weaselish.executors.base import ExecutorSource


def check_executor(executors: ExecutorSource, command: Command) -> None:
    """Raise ProjError if the executor of the command can never run it."""
    if executors.name_for(command) == LOCAL and command.image is None and not command.roles:
        return  # without importing what starts processes
    refusal = executors.executor_for(command).refusal(command)
    if refusal is not None:
        raise ProjError(f"`{command.name}` {refusal.message}", hint=refusal.hint)

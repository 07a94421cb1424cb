"""Finds the job that a killed `proj` left behind on an executor, so that no step runs twice."""

from __future__ import annotations

from typing import NamedTuple

from weaselish.engine import events
from weaselish.engine.run.staleness import Staleness
from weaselish.executors.base import DurableExecutor, ExecutorSource
from weaselish.model.project import Command


class EarlierJob(NamedTuple):
    executor: DurableExecutor
    handle: str


def earlier_job(
    executors: ExecutorSource, command: Command, staleness: Staleness, report: events.Reporter
) -> EarlierJob | None:
    """Return the job of an earlier run that has the same inputs, to wait for. The caller holds the step's locks.

    A job with other inputs, or of another executor than the command's, is stopped: its outputs would mix with ours.
    """
    attempt = staleness.attempt
    if attempt is None or attempt.job is None or attempt.end is not None:
        return None
    name, handle = attempt.job
    executor = executors.named(name)
    if not isinstance(executor, DurableExecutor):
        report(events.Note(f"`{command.name}`: an earlier job may still run on `{name}`, which project.yml lost", None))
        return None
    if attempt.key == staleness.now.key and name == executors.name_for(command):
        report(events.Note(f"`{command.name}` waits for its job from an earlier run on `{name}`", None))
        return EarlierJob(executor, handle)
    report(events.Note(f"`{command.name}`: stopping its job from an earlier run on `{name}`", None))
    executor.stop(handle)
    return None

"""Finds the job that a killed `proj` left behind on an executor, so that no step runs twice."""

from __future__ import annotations

from weaselish.engine import events
from weaselish.engine.run.recording import inputs_of
from weaselish.engine.run.staleness import Staleness
from weaselish.executors.base import DurableExecutor, ExecutorSource
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.records.run_state import Attempt
from weaselish.workspace import Workspace


class EarlierJob(NamedTuple):
    executor: DurableExecutor
    handle: str


def earlier_job(
    workspace: Workspace,
    executors: ExecutorSource,
    command: Command,
    staleness: Staleness,
    report: events.Reporter,
) -> EarlierJob | None:
    """Return the job of an earlier run that has the same inputs, to wait for. The caller holds the step's locks.

    A job with other inputs, or of another executor than the command's, is stopped: its outputs would mix with ours.
    So is one whose inputs were written after its start, even if they are the same again.
    """
    attempt = staleness.attempt
    if attempt is None or attempt.job is None or attempt.end is not None:
        return None
    name, handle = attempt.job
    executor = executors.named(name)
    if not isinstance(executor, DurableExecutor):
        report(events.Note(f"`{command.name}`: an earlier job may still run on `{name}`, which project.yml lost", None))
        return None
    is_same = attempt.key == staleness.now.key and name == executors.name_for(command)
    if is_same and not _was_touched(workspace, command, staleness, attempt):
        report(events.Note(f"`{command.name}` waits for its job from an earlier run on `{name}`", None))
        return EarlierJob(executor, handle)
    report(events.Note(f"`{command.name}`: stopping its job from an earlier run on `{name}`", None))
    executor.stop(handle)
    return None


def _was_touched(workspace: Workspace, command: Command, staleness: Staleness, attempt: Attempt) -> bool:
    """Return whether an input was changed after the attempt started. The check has just digested them."""
    paths = [*inputs_of(command, staleness.now), *workspace.project.env_files]
    return any(workspace.digests.stamp(path).changed_after(int(attempt.at * 1e9)) for path in paths)

"""Runs the replicas of a job with roles, each in a thread, until those that the step waits for have ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.replicas import Replica, replicas_of

Run = Callable[[Replica, JobOutput, Cancel], Outcome]  # runs one replica, restarts included


def run_replicas(job: Job, run: Run, output: JobOutput, cancel: Cancel, grace: float) -> Outcome:
    """Run all replicas and return the outcome of the job. When it returns or raises, all of them have ended.

    Once those without `keep_alive` have ended, or one has failed, the others are terminated, and killed after `grace`.
    """
    replicas = replicas_of(job)
    outputs = [output.replica(replica.name) for replica in replicas]
    with cancel.child() as ending, ThreadPoolExecutor(len(replicas)) as pool:
        running = {
            pool.submit(run, replica, to, ending): replica for replica, to in zip(replicas, outputs, strict=True)
        }
        try:
            decided = _decided(running)
        finally:
            ending.request(Level.TERMINATE)
            if wait(running, grace).not_done:
                ending.request(Level.KILL)
            wait(running)
    if cancel.level and not decided.succeeded:
        return decided._replace(ended=Ending.INTERRUPTED, exit_code=cancel.exit_code, replica=None)
    return decided


def _decided(running: dict[Future[Outcome], Replica]) -> Outcome:
    """Wait until the outcome of the job is known: a replica failed, or those without `keep_alive` succeeded."""
    pending = set(running)
    last = Outcome(Ending.EXITED, 0)
    while any(not running[future].role.keep_alive for future in pending):
        ended, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in ended:
            last = future.result()
            if not last.succeeded:
                return last._replace(replica=running[future].name)
    return last

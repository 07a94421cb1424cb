"""Runs the replicas of a job with roles, each in a container of its own, until those that the step waits for end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.replicas import Node, Nodes, Replica, replicas_of

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


def with_restarts(replica: Replica, run: Callable[[int], Outcome], cancel: Cancel) -> Outcome:
    """Run one replica again after a failure, as often as its role says. `run` gets the number of the attempt."""
    for attempt in range(1, replica.role.restarts + 2):
        outcome = run(attempt)
        if outcome.succeeded or cancel.level or outcome.ended in (Ending.TIMED_OUT, Ending.NOT_STARTED):
            break
    return outcome._replace(attempt=attempt)


def nodes_by_name(job: Job) -> Nodes:
    """Return where the replicas listen if they share a network of their own, which knows their names."""
    return {
        role.name: tuple(Node(host_name(Replica(role, number)), role.port) for number in range(role.replicas))
        for role in job.roles
    }


def host_name(replica: Replica) -> str:
    """Return the name of a replica on a network of its job: `worker-2`."""
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in replica.name).strip("-").lower()

"""What the containers of replicas need: restarts, and the names under which they reach each other."""

from __future__ import annotations

from collections.abc import Callable

from weaselish.cancel import Cancel
from weaselish.executors.base import Ending, Job, Outcome
from weaselish.executors.replicas import Node, Nodes, Replica


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

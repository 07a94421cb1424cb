"""How the pods of a replica follow each other, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from weaselish.cancel import Cancel
from weaselish.executors.base import Ending, Job, JobId
from weaselish.executors.kubernetes.cluster import PodEvent
from weaselish.executors.kubernetes.following import Following
from weaselish.executors.kubernetes.watching import Messages

from .contract import Console


class Silent:
    """A cluster whose pods write nothing."""

    def log(self, pod: str, container: str) -> Iterator[bytes]:
        return iter(())


def pod(name: str, phase: str, **state: Any) -> PodEvent:
    statuses = {"containerStatuses": [{"state": state}]} if state else {}
    spec = {"containers": [{"image": "x"}]}
    return PodEvent({"metadata": {"name": name}, "spec": spec, "status": {"phase": phase, **statuses}})


def exited(name: str, code: int) -> PodEvent:
    return pod(name, "Failed" if code else "Succeeded", terminated={"exitCode": code})


LOST = pod("a", "Failed")
NO_IMAGE = pod("a", "Pending", waiting={"reason": "ErrImagePull", "message": "none"})


@pytest.mark.parametrize(
    ("events", "restarts", "code", "attempt", "why"),
    [
        ([exited("a", 3), exited("b", 0)], 1, 0, 2, b"Restart 1 of 1 after exit code 3\n"),
        ([exited("a", 3), exited("b", 4)], 1, 4, 2, b"Restart 1 of 1 after exit code 3\n"),
        ([LOST, exited("b", 0)], 1, 0, 2, b"Restart 1 of 1 after the loss of its pod\n"),
        (
            [LOST._replace(is_deleted=True), LOST, exited("b", 0)],
            1,
            0,
            2,
            b"Restart 1 of 1 after the loss of its pod\n",
        ),
        ([LOST], 0, 1, 1, b""),
        ([NO_IMAGE], 3, 1, 1, b""),
        ([exited("a", 127)], 3, 127, 1, b""),
    ],
)
def test_another_pod_is_awaited_where_the_cluster_starts_one(
    events: list[PodEvent], restarts: int, code: int, attempt: int, why: bytes
) -> None:
    console = Console()
    silent: Any = Silent()
    with Cancel() as cancel:
        messages = Messages()
        for event in events:
            messages.put(event)
        job = Job(JobId("a", "k", 1), ())
        following = Following(silent, job, console, cancel, lambda grace: None, messages, restarts)
        outcome = following.outcome()
    assert (outcome.exit_code, following.attempt, console.text) == (code, attempt, why)
    assert (outcome.ended is Ending.NOT_STARTED) is (events[-1] in (LOST, NO_IMAGE))

"""Follows all replicas of a job with roles, until those that the step waits for have ended."""

from __future__ import annotations

import threading

from weaselish.cancel import Cancel
from weaselish.executors.base import Job, JobOutput, Outcome
from weaselish.executors.kubernetes.cluster import Cluster
from weaselish.executors.kubernetes.following import Following
from weaselish.executors.kubernetes.manifests import JOB, label
from weaselish.executors.kubernetes.role_manifests import nodes_of
from weaselish.executors.kubernetes.watching import Messages, Watch
from weaselish.executors.replica_threads import run_replicas
from weaselish.executors.replicas import Replica, replica_job, replicas_of


def follow_roles(cluster: Cluster, job: Job, name: str, output: JobOutput, cancel: Cancel, grace: float) -> Outcome:
    """Follow the replicas of a job that exists. They share one watch. Raises ClusterError, and what the output raises.

    When one has failed, or all that the step waits for have ended, the others are ended: all Jobs are deleted.
    """
    end = _Deletion(cluster, name)
    nodes = nodes_of(job, name)
    replicas = replicas_of(job)
    queues: dict[tuple[str, str], Messages] = {(label(one.role.name), str(one.number)): Messages() for one in replicas}
    watch = Watch(cluster, name, queues)

    def run(replica: Replica, to: JobOutput, token: Cancel) -> Outcome:
        one = replica_job(job, replica.role, replica.number, nodes)
        messages = queues[label(replica.role.name), str(replica.number)]
        following = Following(cluster, one, to, token, end, messages, replica.role.restarts)
        outcome = following.outcome()
        return outcome._replace(attempt=following.attempt)

    try:
        outcome = run_replicas(job, run, output, cancel, grace)
    finally:
        watch.stop()
    return outcome if outcome.replica else outcome._replace(attempt=1)


class _Deletion:
    """Deletes the Jobs of a step once for each grace time, however many replicas ask for it. Thread-safe."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._lock = threading.Lock()
        self._least: int | None = None

    def __call__(self, grace: int) -> None:
        with self._lock:
            if self._least is None or grace < self._least:
                self._cluster.delete_jobs(f"{JOB}={self._name}", grace=grace)
                self._least = grace

"""Runs jobs in the pods of a Kubernetes cluster."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.kubernetes.cluster import Cluster, ClusterError
from weaselish.executors.kubernetes.following import Following
from weaselish.executors.kubernetes.manifests import (
    JOB,
    MANAGED_BY,
    TOOL,
    job_manifest,
    job_name,
    secret_manifest,
)
from weaselish.model.executors import KubernetesSettings
from weaselish.model.project import Command

_GRACE = 10  # seconds between SIGTERM and SIGKILL of a job that is stopped
_GONE = 60.0  # seconds that this may take
_LOOKS = 0.3  # seconds between two looks at it


class KubernetesExecutor:
    """Each job is a Job with one pod, whose lines run in an empty directory. A handle is the name of the Job.

    A job's objects are deleted when it has ended. The Secret with its secrets belongs to the Job and goes with it.
    """

    def __init__(self, settings: KubernetesSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._connecting = threading.Lock()
        self._connected: Cluster | None = None

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        if cancel.level:
            return self._named(Outcome(Ending.INTERRUPTED, cancel.exit_code, 0))
        name = job_name(job, secrets.token_hex(5))
        submitted(name)  # before it exists, so that it is found even if `proj` dies while it is created
        image = job.image or (self._settings.image.of(job.resources) if self._settings.image else "")
        try:
            uid = self._cluster.create_job(job_manifest(job, name, self._settings, image))
        except ClusterError as error:
            return self._named(Outcome(Ending.NOT_STARTED, 1, message=error.message, hint=error.hint))
        return self._follow(job, name, uid, output, cancel)

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        found = self._cluster.jobs(f"{JOB}={handle}")
        if not found:
            return None
        return self._follow(job, handle, found[0]["metadata"]["uid"], output, cancel)

    def stop(self, handle: str) -> None:
        cluster = self._cluster
        cluster.delete_job(handle, grace=_GRACE)
        wait_until_gone(cluster, handle)

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        found = {one["metadata"]["name"]: one for one in self._cluster.jobs(f"{MANAGED_BY}={TOOL}")}
        return {handle: _state(found.get(handle)) for handle in handles}

    def refusal(self, command: Command) -> Refusal | None:
        if command.roles:
            return Refusal(
                "has roles, whose files the executor of type kubernetes cannot carry yet",
                "run it on `local`, docker, podman or Slurm",
            )
        if command.image is None and self._settings.image is None:
            return Refusal("runs on Kubernetes, and no image is named", "give the command or the executor an `image:`")
        return None

    def close(self) -> None:
        if self._connected is not None:
            self._connected.close()

    @property
    def _cluster(self) -> Cluster:
        with self._connecting:
            if self._connected is None:
                self._connected = Cluster(self._settings, self._environ)
            return self._connected

    def _follow(self, job: Job, name: str, uid: str, output: JobOutput, cancel: Cancel) -> Outcome:
        cluster = self._cluster
        is_over = False
        try:
            secret = secret_manifest(job, name, uid, self._settings)
            if secret is not None:
                cluster.create_secret(secret)
            outcome = Following(cluster, job, name, output, cancel).outcome()
            is_over = True
        except ClusterError as error:
            outcome = Outcome(Ending.NOT_STARTED, 1, message=error.message, hint=error.hint)
        finally:
            self._remove(name, is_over=is_over)
        return self._named(outcome)

    def _remove(self, name: str, *, is_over: bool) -> None:
        """Delete a job; end its processes first if it may still run. A cluster that is away deletes it later."""
        try:
            self._cluster.delete_job(name, grace=None if is_over else 0)
            if not is_over:
                wait_until_gone(self._cluster, name)
        except ClusterError:
            return

    def _named(self, outcome: Outcome) -> Outcome:
        host = outcome.host or (self._connected.host if self._connected else self._settings.name)
        return outcome._replace(executor=self._settings.name, host=host)


def wait_until_gone(cluster: Cluster, name: str) -> None:
    """Wait until no pod of a deleted job is left. Raises ClusterError if that takes too long."""
    deadline = monotonic() + _GONE
    with Cancel() as clock:
        while cluster.pods(f"{JOB}={name}")[0]:
            if monotonic() > deadline:
                raise ClusterError(f"the pods of the job `{name}` do not end")
            clock.wait(_LOOKS, above=Level.KILL)


def _state(found: Mapping[str, object] | None) -> JobState:
    status = found.get("status") if found else None
    if not isinstance(status, Mapping) or status.get("succeeded") or status.get("failed"):
        return JobState.QUEUED if found is not None and not status else JobState.GONE
    return JobState.RUNNING if status.get("ready") else JobState.QUEUED

"""Runs jobs in the pods of a Kubernetes cluster."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, JobRole, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.kubernetes.cluster import Cluster, ClusterError
from weaselish.executors.kubernetes.following import Following
from weaselish.executors.kubernetes.manifests import (
    DIRECTORY,
    JOB,
    MANAGED_BY,
    STEP,
    TOOL,
    Manifest,
    job_manifest,
    job_name,
    secret_manifest,
)
from weaselish.executors.kubernetes.role_manifests import role_manifest, role_names, service_manifest
from weaselish.executors.kubernetes.roles import follow_roles
from weaselish.executors.kubernetes.watching import Messages, Watch
from weaselish.model.executors import KubernetesSettings
from weaselish.model.project import Command

_GRACE = 10  # seconds between SIGTERM and SIGKILL of a job that is stopped
_GONE = 60.0  # seconds that this may take
_LOOKS = 0.3  # seconds between two looks at it


class KubernetesExecutor:
    """Each job is a Job with one pod, whose lines run in an empty directory; with roles, one Indexed Job per role.

    A handle is the name that all objects of the job have as a label. They are deleted when it has ended: Secrets and
    the Service belong to a Job and go with it. `grace`: seconds between SIGTERM and SIGKILL of replicas that are ended
    because the others have ended.
    """

    def __init__(
        self, settings: KubernetesSettings, environ: Mapping[str, str], root: Path | None = None, *, grace: float = 5.0
    ) -> None:
        self._settings = settings
        self._environ = environ
        place = f"{os.uname().nodename}:{(root or Path.cwd()).resolve()}"
        self._directory = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        self._grace = grace
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
        try:
            self._create(job, name)
        except ClusterError as error:
            self._remove(name)
            return self._named(Outcome(Ending.NOT_STARTED, 1, message=error.message, hint=error.hint))
        return self._follow(job, name, output, cancel)

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        found = self._cluster.jobs(f"{JOB}={_name(handle)}")
        return self._follow(job, _name(handle), output, cancel) if len(found) >= max(1, len(job.roles)) else None

    def stop(self, handle: str) -> None:
        self._cluster.delete_jobs(f"{JOB}={_name(handle)}", grace=_GRACE)
        wait_until_gone(self._cluster, _name(handle))

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        found: dict[str, list[Mapping[str, object]]] = {}
        for job in self._cluster.jobs(f"{MANAGED_BY}={TOOL}"):
            found.setdefault(job["metadata"]["labels"].get(JOB, ""), []).append(job)
        return {handle: _state(found.get(_name(handle), [])) for handle in handles}

    def leftovers(self) -> Mapping[str, str]:
        """Return the jobs that this directory's project started, with the labels of their steps."""
        labels = [one["metadata"]["labels"] for one in self._cluster.jobs(f"{DIRECTORY}={self._directory}")]
        return {one[JOB]: one.get(STEP, "") for one in labels}

    def refusal(self, command: Command) -> Refusal | None:
        images = [role.image or command.image for role in command.roles] or [command.image]
        if not all(images) and self._settings.image is None:
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

    def _create(self, job: Job, name: str) -> None:
        """Create all objects of a job. Raises ClusterError."""
        cluster, settings = self._cluster, self._settings
        if not job.roles:
            manifest = job_manifest(job, name, settings, self._image(job, None), self._directory)
            self._create_job(manifest, job, name)
            return
        names = role_names(job, name)
        for number, role in enumerate(job.roles):
            manifest = role_manifest(job, role, name, settings, self._image(job, role), self._directory)
            plain = job._replace(env={**job.env, **role.env})
            uid = self._create_job(manifest, plain, names[role.name])
            if number == 0:
                cluster.create_service(service_manifest(job, name, names[role.name], uid, settings))

    def _create_job(self, manifest: Manifest, job: Job, name: str) -> str:
        """Create a Job and the Secret with the secrets of `job`, which belongs to it. Return its uid."""
        uid = self._cluster.create_job(manifest)
        secret = secret_manifest(job, name, uid, self._settings)
        if secret is not None:
            self._cluster.create_secret(secret)
        return uid

    def _image(self, job: Job, role: JobRole | None) -> str:
        own = job.image if role is None else role.image or job.image
        resources = job.resources if role is None else role.resources
        return own or (self._settings.image.of(resources) if self._settings.image else "")

    def _follow(self, job: Job, name: str, output: JobOutput, cancel: Cancel) -> Outcome:
        outcome = None
        try:
            if job.roles:
                outcome = follow_roles(self._cluster, job, name, output, cancel, self._grace)
            else:
                outcome = self._follow_one(job, name, output, cancel)
        except ClusterError as error:
            outcome = Outcome(Ending.NOT_STARTED, 1, message=error.message, hint=error.hint)
        finally:
            self._remove(name, is_over=outcome is not None and outcome.ended is Ending.EXITED and not job.roles)
        return self._named(outcome)

    def _follow_one(self, job: Job, name: str, output: JobOutput, cancel: Cancel) -> Outcome:
        cluster = self._cluster
        messages = Messages()
        watch = Watch(cluster, name, {("", ""): messages})

        def end(grace: int) -> None:
            cluster.delete_jobs(f"{JOB}={name}", grace=grace)

        following = Following(cluster, job, output, cancel, end, messages)
        try:
            return following.outcome()
        finally:
            watch.stop()

    def _remove(self, name: str, *, is_over: bool = False) -> None:
        """Delete a job; end its processes first if it may still run. A cluster that is away deletes it later."""
        try:
            self._cluster.delete_jobs(f"{JOB}={name}", grace=None if is_over else 0)
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


def _name(handle: str) -> str:
    """Return our own part of a handle. The name of a job on a remote may precede it."""
    return handle.rpartition(" ")[2]


def _state(jobs: Sequence[Mapping[str, object]]) -> JobState:
    """Return the state of a job with several Jobs: it runs if any pod does."""
    states = set(map(_state_of_one, jobs))
    return next((state for state in (JobState.RUNNING, JobState.QUEUED) if state in states), JobState.GONE)


def _state_of_one(found: Mapping[str, object]) -> JobState:
    status = found.get("status")
    if not isinstance(status, Mapping) or not status:
        return JobState.QUEUED
    if status.get("ready"):
        return JobState.RUNNING
    return JobState.GONE if status.get("succeeded") or status.get("failed") else JobState.QUEUED

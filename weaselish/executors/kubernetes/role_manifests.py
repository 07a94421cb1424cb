"""The objects that make up a job with roles: an Indexed Job for each role, and a headless Service by which pods find
each other. Nothing here talks to a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from weaselish.executors.base import Job, JobRole
from weaselish.executors.kubernetes.manifests import (
    JOB,
    NOT_AGAIN,
    ROLE,
    Manifest,
    job_manifest,
    label,
    labels_of,
    owner,
    pod_spec,
)
from weaselish.executors.replicas import Node, Nodes, replica_job
from weaselish.model.executors import KubernetesSettings

_LONGEST = 10  # characters of a role's name in that of its Job: with a step, an index and `proj` they must be below 64
_NUMBER = re.compile(r"[0-9]+")


def role_names(job: Job, name: str) -> dict[str, str]:
    """Return the name of each role's Job. `name` is that of the step's objects."""
    short = [re.sub(r"[^a-z0-9]+", "-", role.name.lower())[:_LONGEST].strip("-") or "role" for role in job.roles]
    unique = [f"r{number}" if short.count(one) > 1 else one for number, one in enumerate(short)]
    return {role.name: f"{name}-{one}" for role, one in zip(job.roles, unique, strict=True)}


def nodes_of(job: Job, name: str) -> Nodes:
    """Return where each replica is: the host name of its pod in the domain of the step's Service."""
    names = role_names(job, name)
    return {
        role.name: tuple(Node(f"{names[role.name]}-{index}.{name}", role.port) for index in range(role.replicas))
        for role in job.roles
    }


def service_manifest(job: Job, name: str, first: str, uid: str, settings: KubernetesSettings) -> Manifest:
    """Return the Service that gives pods their names, also before they are ready. The Job `first` owns it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels_of(job, name, settings), "ownerReferences": [owner(first, uid)]},
        "spec": {"clusterIP": "None", "selector": {JOB: name}, "publishNotReadyAddresses": True},
    }


def role_manifest(
    job: Job, role: JobRole, name: str, settings: KubernetesSettings, image: str, directory: str = ""
) -> Manifest:
    """Return the Job that runs all replicas of a role, each in one pod, and again as often as its restarts say."""
    jobs = [replica_job(job, role, index, nodes_of(job, name)) for index in range(role.replicas)]
    common, first = by_index([dict(one.env) for one in jobs])
    own = role_names(job, name)[role.name]
    plain = jobs[0]._replace(env=common)
    labels = {**labels_of(job, name, settings, directory), ROLE: label(role.name)}
    pod = {**pod_spec(plain, own, settings, image, first), "subdomain": name}
    manifest = job_manifest(plain, name, settings, image, directory)
    spec: Manifest = {
        "completionMode": "Indexed",
        "completions": role.replicas,
        "parallelism": role.replicas,
        "backoffLimitPerIndex": role.restarts,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if role.restarts:
        codes = {"operator": "In", "values": list(NOT_AGAIN)}
        spec["podFailurePolicy"] = {"rules": [{"action": "FailIndex", "onExitCodes": codes, "onPodConditions": []}]}
    given = manifest["spec"]
    assert isinstance(given, dict)
    kept = {key: value for key, value in given.items() if key != "backoffLimit"}
    return {**manifest, "metadata": {"name": own, "labels": labels}, "spec": {**kept, **spec}}


def by_index(environments: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Split the variables of all replicas: those that are equal, and lines of shell that set the others.

    JOB_COMPLETION_INDEX tells a pod which replica it is.
    """
    first = environments[0]
    common = {key: value for key, value in first.items() if all(one.get(key) == value for one in environments)}
    others = dict.fromkeys(key for one in environments for key in one if key not in common)
    return common, [_export(key, [one.get(key, "") for one in environments]) for key in others]


def _export(name: str, values: Sequence[str]) -> str:
    """Return a line that sets a variable to the value of its replica: by counting its last number if that does."""
    numbers = list(_NUMBER.finditer(values[0]))
    if numbers:
        start, end = numbers[-1].span()
        head, base, tail = values[0][:start], int(values[0][start:end]), values[0][end:]
        if list(values) == [f"{head}{base + index}{tail}" for index in range(len(values))]:
            quoted = [text and shlex.quote(text) for text in (head, tail)]
            return f"export {name}={quoted[0]}$(({base} + JOB_COMPLETION_INDEX)){quoted[1]}"
    cases = " ".join(f"{index}) {name}={shlex.quote(value)};;" for index, value in enumerate(values))
    return f"case $JOB_COMPLETION_INDEX in {cases} esac; export {name}"

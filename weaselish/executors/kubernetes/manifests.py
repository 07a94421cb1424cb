"""The objects of a Kubernetes cluster that make up a job, as data. Nothing here talks to a cluster."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterable, Sequence

from weaselish.executors.base import Job, JobSource
from weaselish.model.executors import KubernetesSettings
from weaselish.model.resources import Resources

Manifest = dict[str, object]

MANAGED_BY = "app.kubernetes.io/managed-by"
TOOL = "proj"
PROJECT, STEP, JOB = "proj/project", "proj/step", "proj/job"  # labels of all objects of a job
ROLE = "proj/role"  # a label of the objects of one role
DIRECTORY = "proj/directory"  # a label: the directory of the project that started the job
INDEX = "batch.kubernetes.io/job-completion-index"  # the annotation by which a pod of a role knows its index
NOT_AGAIN = (126, 127)  # exit codes of a program that cannot be started, for which no restart helps
CONTAINER = "step"
CREDENTIALS = "proj-credentials"  # a Secret of the namespace, if it exists: variables by which pods reach the remote
_WORK = "/work"  # an empty directory in which the lines run
_SOURCES = "/sources"
_KEPT = 7 * 86_400  # seconds after which the cluster deletes a job that ended while no `proj` was there
_LONGEST_STEP = 30  # characters of a step's name in the name of a job
_LONGEST_LABEL = 63


def job_name(job: Job, unique: str) -> str:
    """Return the name of a job's objects: a DNS label that tells the step. `unique` makes it so."""
    step = re.sub(r"[^a-z0-9]+", "-", job.name.lower())[:_LONGEST_STEP].strip("-") or "step"
    return f"proj-{step}-{unique}"


def labels_of(job: Job, name: str, settings: KubernetesSettings, directory: str = "") -> dict[str, str]:
    """Return the labels of all objects of a job. Those of project.yml cannot replace ours."""
    own = {MANAGED_BY: TOOL, PROJECT: label(job.project), STEP: label(job.name), JOB: name}
    return {**settings.labels, **own, **({DIRECTORY: directory} if directory else {})}


def label(text: str) -> str:
    """Return a text as the value of a label: at most 63 characters, other ones than letters, digits, `.-_` as `_`."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:_LONGEST_LABEL].strip("._-")


def job_manifest(job: Job, name: str, settings: KubernetesSettings, image: str, directory: str = "") -> Manifest:
    """Return the Job that runs the lines of a job once, in one pod. `directory`: see `DIRECTORY`."""
    labels = labels_of(job, name, settings, directory)
    spec: Manifest = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,  # the engine decides about retries
        "ttlSecondsAfterFinished": _KEPT,
        "template": {"metadata": {"labels": labels}, "spec": pod_spec(job, name, settings, image)},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def secret_manifest(job: Job, name: str, uid: str, settings: KubernetesSettings) -> Manifest | None:
    """Return the Secret with the values that the Job must not show. The cluster deletes it with the Job."""
    data = {key: base64.b64encode(job.env[key].encode()).decode() for key in sorted(job.secrets & job.env.keys())}
    if not data:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "labels": labels_of(job, name, settings), "ownerReferences": [owner(name, uid)]},
        "data": data,
    }


def owner(name: str, uid: str) -> Manifest:
    """Return a reference to the Job with which the cluster deletes an object."""
    return {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "blockOwnerDeletion": True}


def image_name(image: str, registry: str | None) -> str:
    """Return an image's name with a registry in front, unless it names one."""
    first, separator, _ = image.partition("/")
    names_registry = bool(separator) and (first == "localhost" or "." in first or ":" in first)
    return image if registry is None or names_registry else f"{registry.rstrip('/')}/{image}"


def pod_spec(
    job: Job, name: str, settings: KubernetesSettings, image: str, first: Sequence[str] = ()
) -> dict[str, object]:
    """Return the pod that runs the lines of a job. `first`: lines of shell before all others."""
    mounted = [source for source in job.sources if source.mount and (source.mount.nfs or source.mount.volume)]
    work: Manifest = {"name": "work", "emptyDir": {}}
    pod: Manifest = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "containers": [_container(job, name, settings, image, mounted, first)],
        "volumes": [work, *(_volume(job, source, settings) for source in mounted)],
    }
    if settings.node_selector:
        pod["nodeSelector"] = dict(settings.node_selector)
    return pod


def _container(
    job: Job,
    name: str,
    settings: KubernetesSettings,
    image: str,
    mounted: Iterable[JobSource],
    first: Sequence[str],
) -> Manifest:
    mounts: list[Manifest] = [{"name": "work", "mountPath": _WORK}]
    env = {"TMPDIR": _WORK, "HOME": _WORK, "BUILD_ID": str(job.id.run), "TASK_NAME": job.name}
    env |= {"PROJECT_NAME": job.project, "GPU_COUNT": str(job.resources.gpus)}
    for source in mounted:
        env[source.variable] = f"{_SOURCES}/{_volume_name(source)}"
        mounts.append(_mount(source, job, settings))
    env |= {key: value for key, value in job.env.items() if key not in job.secrets}
    secrets: list[Manifest] = [{"secretRef": {"name": CREDENTIALS, "optional": True}}]
    if job.secrets & job.env.keys():
        secrets.append({"secretRef": {"name": name}})
    container: Manifest = {
        "name": CONTAINER,
        "image": image_name(image, settings.image_registry),
        "command": ["/bin/sh", "-c", _unexpanded(script(job, (*first, *settings.setup)))],
        "workingDir": _WORK,
        "env": [{"name": key, "value": _unexpanded(value)} for key, value in env.items()],
        "envFrom": secrets,
        "volumeMounts": mounts,
    }
    if resources := _resources(job.resources, job.limits):
        container["resources"] = resources
    return container


def script(job: Job, setup: Iterable[str]) -> str:
    """Return the lines of a job, after those of `setup`, as one shell script that ends at the first failure.

    The shell forwards no signals, so the last line replaces it.
    """
    lines = [
        f"{job.shell} -e -c {shlex.quote(line.words[0])}" if job.shell else shlex.join(line.words) for line in job.lines
    ]
    *before, last = lines or ["true"]
    return "\n".join(["set -e", *setup, *before, f"exec {last}"])


def _unexpanded(text: str) -> str:
    """Return a text in which Kubernetes replaces no `$(NAME)`."""
    return text.replace("$(", "$$(")


def _resources(requests: Resources, limits: Resources) -> Manifest:
    given = {"requests": _amounts(requests), "limits": _amounts(limits)}
    if requests.gpus:  # of what cannot be shared, both must be equal
        given["limits"]["nvidia.com/gpu"] = str(requests.gpus)
        given["requests"]["nvidia.com/gpu"] = str(requests.gpus)
    return {key: amounts for key, amounts in given.items() if amounts}


def _amounts(resources: Resources) -> dict[str, str]:
    amounts = {
        "cpu": f"{round(resources.cpus * 1000)}m" if resources.cpus else "",
        "memory": str(resources.memory or ""),
        "ephemeral-storage": str(resources.disk or ""),
    }
    return {name: amount for name, amount in amounts.items() if amount}


def _volume_name(source: JobSource) -> str:
    return source.variable.removesuffix("_DIR").lower().replace("_", "-")


def _volume(job: Job, source: JobSource, settings: KubernetesSettings) -> Manifest:
    mount = source.mount
    assert mount is not None
    name = f"source-{_volume_name(source)}"[:63].rstrip("-")
    if mount.nfs is not None:
        return {"name": name, "nfs": {"server": mount.nfs.server, "path": mount.nfs.path, "readOnly": mount.read_only}}
    assert mount.volume is not None
    return {"name": name, "persistentVolumeClaim": {"claimName": mount.volume.claim, "readOnly": mount.read_only}}


def _mount(source: JobSource, job: Job, settings: KubernetesSettings) -> Manifest:
    mount, name = source.mount, _volume_name(source)
    assert mount is not None
    below = mount.nfs.subpath if mount.nfs else ""
    if mount.volume is not None:
        namespace = settings.namespace or "default"
        below = mount.volume.directory(source=name, project=job.project, namespace=namespace)
    entry: Manifest = {
        "name": f"source-{name}"[:63].rstrip("-"),
        "mountPath": f"{_SOURCES}/{name}",
        "readOnly": mount.read_only,
    }
    return {**entry, "subPath": below} if below else entry

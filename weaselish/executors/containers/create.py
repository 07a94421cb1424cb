"""Turns a job into the options with which an engine creates its container."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from weaselish.executors.base import Job
from weaselish.executors.containers.entry import PLACE, is_shell_name
from weaselish.executors.replicas import VISIBLE
from weaselish.executors.sources import source_environment
from weaselish.model.executors import ContainerSettings
from weaselish.named_tuple import NamedTuple

_PERIOD = 100_000  # microseconds, in which a container may use its processors for so many
_MIN_QUOTA = 1_000  # which the kernel demands
LABEL = "proj."  # before the names of our labels


class Labels(NamedTuple):
    """What the labels of a container say about its job."""

    root: str  # the project's directory
    executor: str
    step: str
    run: str
    key: str
    job: str  # the handle of the job, of which a step with roles has several containers
    replica: str  # `worker.2`; empty for a job without roles

    def options(self) -> Iterator[str]:
        for name, value in self._asdict().items():
            yield f"--label={LABEL}{name}={value}"


def labels_of(labels: Mapping[str, str]) -> Labels:
    return Labels(*(labels.get(f"{LABEL}{name}", "") for name in Labels._fields))


def new_name(step: str) -> str:
    """Return a name for a container that no other has."""
    return f"proj-{re.sub('[^A-Za-z0-9_.-]+', '-', step)[:60]}-{secrets.token_hex(6)}"


class Place(NamedTuple):
    """Which container it is: its name, the job that it belongs to, and what sets a replica apart."""

    name: str
    job: str
    replica: str = ""
    options: tuple[str, ...] = ()  # after those of the executor


def options(
    job: Job, place: Place, root: Path, settings: ContainerSettings, files: Path, env: Mapping[str, str]
) -> list[str]:
    """Return the options of a job's container. `files` is what it sees at PLACE; no value of `env` is in them."""
    labels = Labels(
        str(root), settings.name, job.id.step, str(job.id.run), job.id.key, job=place.job, replica=place.replica
    )
    return [
        f"--name={place.name}",
        *labels.options(),
        "--init",
        *_user(settings.type),
        *(f"--mount={mount(path, path, read_only=read_only)}" for path, read_only in _mounted(job, root).items()),
        f"--mount={mount(str(files), PLACE)}",
        f"--workdir={root}",
        "--entrypoint=/bin/sh",
        *_log(settings.type),
        *_limits(job),
        *_gpus(gpus_of(job), settings.type),
        *(f"--env={variable}" for variable in env if not is_shell_name(variable)),
        *settings.options,
        *place.options,
    ]


def _mounted(job: Job, root: Path) -> dict[str, bool]:
    """Return the directories that a container sees, and whether it may only read them."""
    places = source_environment(job, root)
    sources = ((places[one.variable], one.mount.read_only) for one in job.sources if one.mount)
    mounted = {path: read_only for path, read_only in sources if os.path.exists(path)}
    writable = dict.fromkeys((str(root), os.path.realpath(root), *job.outside), False)
    return {**writable, **mounted}


def mount(source: str, target: str, *, read_only: bool = False) -> str:
    """Return a bind mount as a row of comma-separated values, which is how engines read it."""
    fields = ("type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else []))
    return ",".join(
        f'"{field.replace(chr(34), chr(34) * 2)}"' if set(field) & {",", '"'} else field for field in fields
    )


def _user(engine: str) -> Sequence[str]:
    """Let the files that the step writes belong to the caller."""
    uid, gid = os.getuid(), os.getgid()
    return (f"--user={uid}:{gid}", *(("--userns=keep-id",) if engine == "podman" and uid else ()))


def _log(engine: str) -> Sequence[str]:
    """Let the engine keep all output byte for byte, so that a later `proj` gets it from the beginning."""
    if engine == "podman":
        return ("--log-driver=k8s-file",)
    return ("--log-driver=local", "--log-opt=max-size=100g", "--log-opt=max-file=1", "--log-opt=compress=false")


def _limits(job: Job) -> Iterator[str]:
    if job.limits.memory:
        yield f"--memory={job.limits.memory}"
        yield f"--memory-swap={job.limits.memory}"
    if job.limits.cpus:
        yield f"--cpu-period={_PERIOD}"  # Docker refuses `--cpus` beyond what the machine has
        yield f"--cpu-quota={max(_MIN_QUOTA, round(job.limits.cpus * _PERIOD))}"


def gpus_of(job: Job) -> tuple[str, ...]:
    """Return which GPUs of the machine a job gets: those that it was given, else the first ones."""
    given = job.env.get(VISIBLE)
    return tuple(given.split(",") if given else map(str, range(job.resources.gpus))) if job.resources.gpus else ()


def _gpus(names: Sequence[str], engine: str) -> Iterator[str]:
    if engine == "podman":
        yield from (f"--device=nvidia.com/gpu={name}" for name in names)
    elif names:
        yield f'--gpus="device={",".join(names)}"'


def image_of(job: Job, settings: ContainerSettings) -> str | None:
    """Return the image in which a job runs: its own, else the executor's."""
    return job.image or (settings.image.of(job.resources) if settings.image else None)

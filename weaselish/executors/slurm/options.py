"""The options of sbatch for a job, and of srun for its replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from weaselish.executors.base import Job, JobRole
from weaselish.model.executors import SlurmSettings
from weaselish.model.resources import Resources

_SPARE = 60.0  # seconds beyond a timeout, which the node itself enforces, until Slurm ends the job


def name_options(directory: Path, name: str, *, is_array: bool = False) -> tuple[str, ...]:
    """Return the options of sbatch that give a job its name, and a file in `directory` to print to."""
    pattern = f"{name}.%a.out" if is_array else f"{name}.out"
    return f"--job-name={name}", f"--output={str(directory).replace('%', '%%')}/{pattern}"


def request_options(job: Job, settings: SlurmSettings, root: Path) -> tuple[str, ...]:
    """Return the other options of sbatch. Those of project.yml come last, so that they win.

    A job with several roles is a heterogeneous job: a component for each role, with a task for each replica.
    """
    first = (f"--chdir={root}", "--open-mode=append")
    shared = (
        *([f"--partition={settings.partition}"] if settings.partition else []),
        *([f"--account={settings.account}"] if settings.account else []),
        *([f"--time={_minutes(job.timeout)}"] if job.timeout else []),
    )
    if not job.roles:
        return (*first, *shared, *_amounts(job.resources, job.limits), *settings.options)
    components: list[str] = []
    for role in job.roles:
        components += [":"] if components else []
        components += (*shared, f"--ntasks={role.replicas}", *_amounts_of_each(role), *settings.options)
    return (*first, *components)


def task_options(role: JobRole) -> tuple[str, ...]:
    """Return the options of srun for the replicas of a role. One that fails ends no other: the leader decides."""
    gpus = [f"--gpus-per-task={role.resources.gpus}"] if role.resources.gpus else []
    cpus = f"--cpus-per-task={_cpus(role.resources, role.limits)}"
    return (f"--ntasks={role.replicas}", cpus, *gpus, "--kill-on-bad-exit=0", "--wait=0", "--input=none")


def _amounts(requested: Resources, limits: Resources) -> Iterator[str]:
    """Yield what a job requests. Slurm has one amount of memory: what a job gets is its limit."""
    memory = limits.memory or requested.memory
    if requested.cpus or limits.cpus:
        yield f"--cpus-per-task={_cpus(requested, limits)}"
    if memory:
        yield f"--mem={math.ceil(memory / 1024)}K"
    if requested.gpus:
        yield f"--gres=gpu:{requested.gpus}"
    if requested.disk:
        yield f"--tmp={math.ceil(requested.disk / 1024)}K"


def _amounts_of_each(role: JobRole) -> Iterator[str]:
    """Yield what each task requests."""
    cpus = _cpus(role.resources, role.limits)
    memory = role.limits.memory or role.resources.memory
    yield f"--cpus-per-task={cpus}"
    if memory:
        yield f"--mem-per-cpu={math.ceil(memory / cpus / 1024)}K"
    if role.resources.gpus:
        yield f"--gpus-per-task={role.resources.gpus}"
    if role.resources.disk:
        yield f"--tmp={math.ceil(role.resources.disk / 1024)}K"


def _cpus(requested: Resources, limits: Resources) -> int:
    return max(1, math.ceil(requested.cpus or limits.cpus))


def _minutes(timeout: float) -> int:
    return math.ceil((timeout + _SPARE) / 60)

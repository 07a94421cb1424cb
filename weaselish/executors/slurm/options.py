"""The options of sbatch for a job."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from weaselish.executors.base import Job
from weaselish.executors.slurm.files import JobFiles
from weaselish.model.executors import SlurmSettings
from weaselish.model.resources import Resources

_SPARE = 60.0  # seconds beyond a timeout, which the node itself enforces, until Slurm ends the job


def submit_arguments(job: Job, settings: SlurmSettings, files: JobFiles, root: Path) -> tuple[str, ...]:
    """Return the arguments of sbatch. Options of project.yml come last, so that they win."""
    return (
        f"--job-name={files.stem}",
        f"--chdir={root}",
        f"--output={_pattern(files.printed)}",
        "--open-mode=append",
        *([f"--partition={settings.partition}"] if settings.partition else []),
        *([f"--account={settings.account}"] if settings.account else []),
        *([f"--time={_minutes(job.timeout)}"] if job.timeout else []),
        *_amounts(job.resources, job.limits),
        *settings.options,
        str(files.script),
    )


def _amounts(requested: Resources, limits: Resources) -> Iterator[str]:
    """Yield what one process requests. Slurm has one amount of memory: what a job gets is its limit."""
    cpus = requested.cpus or limits.cpus
    memory = limits.memory or requested.memory
    if cpus:
        yield f"--cpus-per-task={max(1, math.ceil(cpus))}"
    if memory:
        yield f"--mem={math.ceil(memory / 1024)}K"
    if requested.gpus:
        yield f"--gres=gpu:{requested.gpus}"
    if requested.disk:
        yield f"--tmp={math.ceil(requested.disk / 1024)}K"


def _minutes(timeout: float) -> int:
    return math.ceil((timeout + _SPARE) / 60)


def _pattern(path: Path) -> str:
    """Return a path as sbatch reads it as a pattern of names."""
    return str(path).replace("%", "%%")

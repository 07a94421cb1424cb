"""The files of a job in `.proj/jobs`: its batch script, its description, its secrets, its stream, what Slurm prints."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import weaselish
from weaselish.executors.base import Job
from weaselish.executors.replicas import replicas_of
from weaselish.executors.slurm.description import Secrets, described
from weaselish.files.atomic import write_atomically, writing
from weaselish.named_tuple import NamedTuple

_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from weaselish.executors.slurm.node import main; sys.exit(main())"
)


class JobFiles(NamedTuple):
    """The paths of one job, all beside each other and with the same stem."""

    directory: Path
    stem: str  # of all its files; also the name of the job in Slurm, which finds it again

    @property
    def script(self) -> Path:
        return self.directory / f"{self.stem}.sh"

    @property
    def description(self) -> Path:
        return self.directory / f"{self.stem}.json"

    @property
    def secrets(self) -> Path:
        return self.directory / f"{self.stem}.secrets"

    @property
    def stream(self) -> Path:
        return self.directory / f"{self.stem}.stream"

    @property
    def control(self) -> Path:
        """The file that tells all replicas where the others listen, and that they should end."""
        return self.directory / f"{self.stem}.control"

    @property
    def array(self) -> Path:
        """The file that names the array and the index of a job that was submitted with others."""
        return self.directory / f"{self.stem}.array"

    @property
    def task(self) -> tuple[str, int | None]:
        """The name by which Slurm knows the job, and its index if it is a task of an array."""
        try:
            name, index = self.array.read_text().split()
        except FileNotFoundError:
            return self.stem, None
        return name, int(index)

    @property
    def printed(self) -> Path:
        """The file that takes what Slurm itself and a node that cannot start the job print."""
        name, index = self.task
        return self.directory / (f"{name}.out" if index is None else f"{name}.{index}.out")

    def note_task(self, name: str, index: int | None) -> None:
        """Note how the job is about to be submitted. Raises ProjError if the disk is full."""
        if index is None:
            self.array.unlink(missing_ok=True)
            return
        with writing(f"job `{self.array}`"):
            self.array.write_text(f"{name} {index}")

    def replica(self, name: str) -> Path:
        """Return the stream of one replica, such as `worker.2`."""
        return self.directory / f"{self.stem}.{name}.stream"

    def write(self, job: Job, root: Path, grace: float, secrets: Secrets) -> None:
        """Write what the node reads. Raises ProjError if the disk is full."""
        with writing(f"job `{self.script}`"):
            self.write_secrets(secrets)
            facts = {**described(job, secrets), "root": str(root), "grace": grace}
            write_atomically(self.description, [json.dumps(facts).encode()], mode=0o600)
            self.script.write_text(_script(job, self.description))
            for replica in replicas_of(job):
                self.replica(replica.name).touch(0o600)
            if job.roles:
                self.control.touch(0o600)

    def write_secrets(self, secrets: Secrets) -> None:
        """Write the values that the node reads and deletes. Raises OSError."""
        if secrets.exist:
            write_atomically(self.secrets, [json.dumps(secrets._asdict()).encode()], mode=0o600)

    def remove(self) -> None:
        """Remove all files of the job. The stream goes last: while it exists, no other job takes the stem."""
        for path in (self.printed, *sorted(self.directory.glob(f"{self.stem}.*"), key=self.stream.__eq__)):
            with suppress(FileNotFoundError):
                path.unlink()


def new_files(state: Path, job: Job) -> JobFiles:
    """Reserve the files of a job that no other job has."""
    directory = state / "jobs"
    with writing(f"directory `{directory}`"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", job.name)[:100]
        for number in range(1, 10_000):
            files = JobFiles(directory, f"{name}-{job.id.run}-{number}")
            with suppress(FileExistsError):
                os.close(os.open(files.stream, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                return files
    raise FileExistsError(files.stream)


def start_command(description: Path, *arguments: str) -> tuple[str, ...]:
    """Return the command that starts the node's program, from any working directory and with any environment."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(weaselish.__file__)))
    return (sys.executable, "-P", "-c", _START, package, str(description), *arguments)


def _script(job: Job, description: Path) -> str:
    return "\n".join(["#!/bin/sh", *_comments(job), f"exec {shlex.join(start_command(description))}", ""])


def _comments(job: Job) -> Iterator[str]:
    """Yield comments for people: the step and its script, without values of the environment."""
    logged = [line.logged for line in job.lines]
    logged += [f"{role.name}: {line.logged}" for role in job.roles for line in role.lines]
    for text in (f"step {job.name}, run {job.id.run}, submitted by proj", *logged):
        yield from (f"# {line}" for line in text.splitlines())

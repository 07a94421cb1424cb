"""The files of a job in `.proj/jobs`: its batch script, its description, its secrets, its stream, what Slurm prints."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import weaselish
from weaselish.executors.base import Job, Line
from weaselish.files.atomic import write_atomically, writing

_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from weaselish.executors.slurm.node import main; sys.exit(main())"
)


class Secrets(NamedTuple):
    """Values that a job reads once: variables, and the words of the script lines, by index, that contain some."""

    env: Mapping[str, str]
    words: Mapping[int, tuple[str, ...]]

    @property
    def exist(self) -> bool:
        return bool(self.env or self.words)


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
    def printed(self) -> Path:
        """The file that takes what Slurm itself and a node that cannot start the job print."""
        return self.directory / f"{self.stem}.out"

    def write(self, job: Job, root: Path, grace: float, secrets: Secrets, ambient: Mapping[str, str]) -> None:
        """Write what the node reads. Raises ProjError if the disk is full."""
        with writing(f"job `{self.script}`"):
            self.write_secrets(secrets, ambient)
            description = _description(job, root, grace, secrets)
            write_atomically(self.description, [json.dumps(description).encode()], mode=0o600)
            self.script.write_text(_script(job, self.description))

    def write_secrets(self, secrets: Secrets, ambient: Mapping[str, str]) -> None:
        """Write the values that the node reads and deletes. Raises OSError."""
        if secrets.exist or ambient:
            content = {**secrets._asdict(), "ambient": dict(ambient)}
            write_atomically(self.secrets, [json.dumps(content).encode()], mode=0o600)

    def remove(self) -> None:
        """Remove all files of the job."""
        for path in (self.secrets, self.script, self.printed, self.stream, self.description):
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


def secrets_of(job: Job) -> Secrets:
    """Return what must be neither in the description nor in the environment that Slurm keeps.

    A line whose announcement differs from its words may hide a secret.
    """
    words = {index: line.words for index, line in enumerate(job.lines) if not _is_shown(line, job.shell)}
    return Secrets({name: value for name, value in job.env.items() if name in job.secrets}, words)


def _is_shown(line: Line, shell: str | None) -> bool:
    if shell is not None:
        return line.words == (line.announced,)
    try:
        return list(line.words) == shlex.split(line.announced)
    except ValueError:
        return False


def _description(job: Job, root: Path, grace: float, secrets: Secrets) -> dict[str, Any]:
    return {
        "step": job.name,
        "root": str(root),
        "grace": grace,
        "lines": [None if index in secrets.words else line.words for index, line in enumerate(job.lines)],
        "shell": job.shell,
        "workdir": job.workdir,
        "env": {name: value for name, value in job.env.items() if name not in job.secrets},
        "timeout": job.timeout,
        "needs_secrets": secrets.exist,
    }


def _script(job: Job, description: Path) -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(weaselish.__file__)))
    start = shlex.join([sys.executable, "-P", "-c", _START, package, str(description)])
    return "\n".join(["#!/bin/sh", *_comments(job), f"exec {start}", ""])


def _comments(job: Job) -> Iterator[str]:
    """Yield comments for people: the step and its script, without values of the environment."""
    for text in (f"step {job.name}, run {job.id.run}, submitted by proj", *(line.logged for line in job.lines)):
        yield from (f"# {line}" for line in text.splitlines())

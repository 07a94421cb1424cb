"""Submits jobs: one by one, or as an array where several equal ones are ready together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence

from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.gathering import Gathering
from weaselish.executors.slurm.options import name_options
from weaselish.executors.slurm.programs import Programs, Refused
from weaselish.named_tuple import NamedTuple

_LARGEST = 500  # tasks of an array; Slurm allows 1000 unless its administrator says otherwise

_VARIABLES = (  # of a task
    *("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"),
    *("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP"),
)


class Request(NamedTuple):
    """What jobs of one array have in common: the options of sbatch, and variables that it must not see."""

    options: tuple[str, ...]
    withheld: frozenset[str]


class Submitter:
    """Submits jobs of many threads. Thread-safe.

    While sbatch runs for one job, equal ones gather; the next call submits them as tasks of one array. The id of such
    a job is `<array>_<index>`. A program of Slurm takes it like any other id.
    """

    def __init__(self, programs: Programs, environ: Mapping[str, str]) -> None:
        self._programs = programs
        self._environ = environ
        self._gathering = Gathering(self._submit_together, most=_LARGEST)

    def submit(self, request: Request, files: JobFiles, *, has_roles: bool) -> str:
        """Submit a job; return its id. Raises ControllerAway, and Refused."""
        return self._submit_alone(request, files) if has_roles else self._gathering(request, files)

    def _submit_together(self, request: Request, jobs: Sequence[JobFiles]) -> Sequence[str | BaseException]:
        if len(jobs) > 1:
            try:
                return self._submit_array(request, jobs)
            except Refused:  # perhaps only the array, or one of so many jobs
                pass
        return list(self._one_by_one(request, jobs))

    def _one_by_one(self, request: Request, jobs: Sequence[JobFiles]) -> Iterator[str | BaseException]:
        """Submit jobs until one is refused: the rest would be, too."""
        refused: Refused | None = None
        for files in jobs:
            if refused is None:
                try:
                    yield self._submit_alone(request, files)
                    continue
                except Refused as error:
                    refused = error
            yield refused

    def _submit_alone(self, request: Request, files: JobFiles) -> str:
        files.note_task(files.stem, None)
        options = name_options(files.directory, files.stem)
        return self._programs.submit((*options, *request.options, str(files.script)), self._environ_for(request))

    def _submit_array(self, request: Request, jobs: Sequence[JobFiles]) -> list[str]:
        name = f"{jobs[0].stem}-array-{os.urandom(4).hex()}"
        for index, files in enumerate(jobs):
            files.note_task(name, index)
        options = (*name_options(jobs[0].directory, name, is_array=True), f"--array=0-{len(jobs) - 1}")
        array = self._programs.submit((*options, *request.options), self._environ_for(request), script=_script(jobs))
        return [f"{array}_{index}" for index in range(len(jobs))]

    def _environ_for(self, request: Request) -> dict[str, str]:
        return {name: value for name, value in self._environ.items() if name not in request.withheld}


def _script(jobs: Sequence[JobFiles]) -> str:
    """Return the batch script of an array: each task runs the script of its own job.

    A step must not see that it is part of an array: programs that know arrays do only a part of their work in one.
    """
    cases = (f"{index}) job={shlex.quote(str(files.script))};;" for index, files in enumerate(jobs))
    names = " ".join(_VARIABLES)
    lines = ["case $SLURM_ARRAY_TASK_ID in", *cases, "esac", f"unset {names}", 'exec /bin/sh "$job"', ""]
    return "\n".join(["#!/bin/sh", "# steps submitted by proj", *lines])

"""Starts `proj` itself as a line of a job: by the interpreter of the place, whatever is on its PATH."""

from __future__ import annotations

from weaselish.executors.base import Job

PROGRAM = "proj"  # stands for this program in the words of a line


def with_own_program(job: Job, python: str) -> Job:
    """Return the job with `proj` in its lines as the module that `python` runs."""
    if job.shell is not None:
        return job
    lines = tuple(
        line._replace(words=(python, "-m", "weaselish", *line.words[1:])) if line.words[:1] == (PROGRAM,) else line
        for line in job.lines
    )
    return job._replace(lines=lines)

"""Starts `proj` itself as a line of a job: by the interpreter of the place, whatever is on its PATH."""

from __future__ import annotations

from weaselish.executors.base import Job, Line

PROGRAM = "proj"  # stands for this program in the words of a line


def with_own_program(job: Job, python: str) -> Job:
    """Return the job with `proj` in its lines as the module that `python` runs."""
    if job.shell is not None:
        return job
    roles = tuple(role._replace(lines=_lines(role.lines, python)) for role in job.roles)
    return job._replace(lines=_lines(job.lines, python), roles=roles)


def _lines(lines: tuple[Line, ...], python: str) -> tuple[Line, ...]:
    return tuple(
        line._replace(words=(python, "-m", "weaselish", *line.words[1:])) if line.words[:1] == (PROGRAM,) else line
        for line in lines
    )

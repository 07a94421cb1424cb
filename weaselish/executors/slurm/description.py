"""A job as the node reads it: a description without secrets, and what the node reads once and deletes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from weaselish.executors.base import Job, JobId, JobRole, JobSource, Line
from weaselish.model.resources import Resources
from weaselish.named_tuple import NamedTuple


class Secrets(NamedTuple):
    """The values of variables, and the words of the script lines that contain some.

    A variable of a role is named `role:NAME`. A line is named by its index, or `role:0`. `ambient` are variables of
    the caller that the project does not declare.
    """

    env: Mapping[str, str]
    words: Mapping[str, tuple[str, ...]]
    ambient: Mapping[str, str]

    @property
    def are_declared(self) -> bool:
        """Return whether the job cannot run without them."""
        return bool(self.env or self.words)

    @property
    def exist(self) -> bool:
        return self.are_declared or bool(self.ambient)


NO_SECRETS = Secrets({}, {}, {})


def secrets_of(job: Job, ambient: Mapping[str, str]) -> Secrets:
    """Return what must be neither in the description nor in the environment that Slurm keeps.

    A line whose announcement differs from its words may hide a secret.
    """
    words = {name: line.words for name, line in _lines(job) if not _is_shown(line, job.shell)}
    return Secrets({name: value for name, value in _variables(job) if _own(name) in job.secrets}, words, ambient)


def described(job: Job, secrets: Secrets) -> dict[str, Any]:
    """Return the job as JSON, without its secrets."""
    return {
        "step": job.name,
        "run": job.id.run,
        "project": job.project,
        "shell": job.shell,
        "workdir": job.workdir,
        "timeout": job.timeout,
        "lines": {name: line.words for name, line in _lines(job) if name not in secrets.words},
        "count": len(job.lines),
        "env": {name: value for name, value in _variables(job) if name not in secrets.env},
        "roles": [
            {
                "name": role.name,
                "replicas": role.replicas,
                "count": len(role.lines),
                "port": role.port,
                "resources": role.resources,
                "restarts": role.restarts,
                "keep_alive": role.keep_alive,
            }
            for role in job.roles
        ],
        "sources": [(one.variable, (one.mount.path if one.mount else None) or one.dest) for one in job.sources],
        "needs_secrets": secrets.are_declared,
    }


def job_from(facts: Mapping[str, Any], secrets: Secrets) -> Job:
    """Return the job again. Each line is announced as its index in its script."""
    env = {**facts["env"], **secrets.env}
    lines = {**facts["lines"], **secrets.words}

    def script(prefix: str, count: int) -> tuple[Line, ...]:
        return tuple(Line(tuple(lines[f"{prefix}{index}"]), str(index), "") for index in range(count))

    def variables(prefix: str) -> dict[str, str]:
        of_role = {name: value for name, value in env.items() if ":" in name}
        chosen = {name.removeprefix(prefix): value for name, value in of_role.items() if name.startswith(prefix)}
        return chosen if prefix else {name: value for name, value in env.items() if name not in of_role}

    return Job(
        JobId(facts["step"], "", facts["run"]),
        script("", facts["count"]),
        shell=facts["shell"],
        workdir=facts["workdir"],
        env=variables(""),
        timeout=facts["timeout"],
        project=facts["project"],
        roles=tuple(
            JobRole(
                role["name"],
                role["replicas"],
                script(f"{role['name']}:", role["count"]),
                role["port"],
                env=variables(f"{role['name']}:"),
                resources=Resources._make(role["resources"]),
                restarts=role["restarts"],
                keep_alive=role["keep_alive"],
            )
            for role in facts["roles"]
        ),
        sources=tuple(JobSource(variable, place) for variable, place in facts["sources"]),
    )


def _lines(job: Job) -> Iterator[tuple[str, Line]]:
    yield from ((str(index), line) for index, line in enumerate(job.lines))
    for role in job.roles:
        yield from ((f"{role.name}:{index}", line) for index, line in enumerate(role.lines))


def _variables(job: Job) -> Iterator[tuple[str, str]]:
    yield from job.env.items()
    for role in job.roles:
        yield from ((f"{role.name}:{name}", value) for name, value in role.env.items())


def _own(name: str) -> str:
    """Return the name of a variable without its role."""
    return name.rpartition(":")[2]


def _is_shown(line: Line, shell: str | None) -> bool:
    if shell is not None:
        return line.words == (line.announced,)
    try:
        return list(line.words) == shlex.split(line.announced)
    except ValueError:
        return False

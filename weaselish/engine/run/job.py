"""Turns a command into the job that an executor runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator

from weaselish.engine.run.images import image_ids
from weaselish.engine.run.secrets import declared_environment, secret_names
from weaselish.errors import ProjError
from weaselish.executors.base import Job, JobId, JobRole, JobSource, Line
from weaselish.model.interpolate import put_env
from weaselish.model.paths import dep_base, is_outside
from weaselish.model.project import Command
from weaselish.model.roles import Role
from weaselish.model.script import split_words
from weaselish.model.sources import variable_of
from weaselish.plan.fingerprint import Fingerprint
from weaselish.workspace import Workspace

_ValueOf = Callable[[str], str | None]


def make_job(
    workspace: Workspace, command: Command, now: Fingerprint, *, run: int = 0, args: tuple[str, ...] = ()
) -> Job:
    """Return the job of a command whose current inputs are `now`. Raises ProjError for a line that cannot be split."""
    return Job(
        id=JobId(command.name, now.key, run),
        lines=job_lines(workspace, command, args),
        shell=command.shell or None,
        workdir=command.workdir,
        env=declared_environment(workspace, command),
        secrets=frozenset(secret_names(workspace, command)),
        timeout=command.timeout,
        limits=command.limits,
        resources=command.requested,
        queue_timeout=command.queue_timeout,
        image=command.image.of(command.resources) if command.image else None,
        image_ids=image_ids(command, now),
        roles=tuple(_role(workspace, command, role) for role in command.roles),
        outside=tuple(_outside_paths(workspace, command)),
        project=workspace.name,
        sources=tuple(_sources(workspace)),
        command=command,
        fingerprint=now,
    )


def _role(workspace: Workspace, command: Command, role: Role) -> JobRole:
    image = role.image or command.image
    return JobRole(
        name=role.name,
        replicas=role.replicas,
        lines=_lines(workspace, command, role.script, place=f", role `{role.name}`"),
        port=role.port,
        image=image.of(role.resources) if image else None,
        env={name: put_env(text, workspace.env) for name, text in role.env},
        resources=role.resources,
        limits=role.limits,
        restarts=role.restarts,
        keep_alive=role.keep_alive,
    )


def _sources(workspace: Workspace) -> Iterator[JobSource]:
    """Yield the named assets of the project that have no error."""
    for asset in workspace.project.assets:
        if asset.name is not None and not workspace.project.faults_in("assets", asset.dest):
            yield JobSource(variable_of(asset.name), asset.dest, asset.mount)


def announced_lines(workspace: Workspace, command: Command, args: tuple[str, ...]) -> list[str]:
    """Return the lines as a run announces them, those of a role with its name in front.

    Raises ProjError for a line that cannot be split into words.
    """
    roles = (_role(workspace, command, role) for role in command.roles)
    of_roles = (
        f"{role.prefix}{line.announced}"
        for role, job_role in zip(command.roles, roles, strict=True)
        for line in job_role.lines
    )
    return [*(line.announced for line in job_lines(workspace, command, args)), *of_roles]


def job_lines(workspace: Workspace, command: Command, args: tuple[str, ...]) -> tuple[Line, ...]:
    """Return the script's lines, `args` appended to the last. Raises ProjError for one that cannot be split."""
    return _lines(workspace, command, command.script, args)


def _lines(
    workspace: Workspace, command: Command, script: tuple[str, ...], args: tuple[str, ...] = (), place: str = ""
) -> tuple[Line, ...]:
    last = len(script) - 1
    return tuple(
        _line(workspace, command, line, args if index == last else (), f"{place}, line {index + 1}")
        for index, line in enumerate(script)
    )


def _line(workspace: Workspace, command: Command, line: str, args: tuple[str, ...], place: str) -> Line:
    def text(value_of: _ValueOf) -> str:
        return " ".join([put_env(line, value_of), *([shlex.join(args)] if args else [])])

    words = (text(workspace.env),) if command.shell else (*_words(workspace, command, line, place), *args)
    return Line(words, announced=text(workspace.shown_env), logged=text(lambda name: f"${{env.{name}}}"))


def _words(workspace: Workspace, command: Command, line: str, place: str) -> list[str]:
    try:
        return split_words(put_env(line, workspace.env))
    except ValueError as error:
        raise ProjError(
            f"`{command.name}`{place} cannot be split into words: {str(error).lower()}",
            hint="a value of the environment holds a quote: put the reference in quotes, or use `shell: true`",
        ) from None


def _outside_paths(workspace: Workspace, command: Command) -> Iterator[str]:
    """Yield the existing directories and files outside the project that the command declares, as absolute paths."""
    declared = [*(dep_base(dep) for dep in command.deps), *command.all_outputs]
    for path in dict.fromkeys(filter(is_outside, declared)):
        place = os.path.normpath(workspace.root / path)
        if path in command.all_outputs or not os.path.exists(place):
            place = os.path.dirname(place)
        if os.path.exists(place):
            yield place

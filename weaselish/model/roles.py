"""Roles: the kinds of process that make up one step, and the images that processes run in."""

from __future__ import annotations

import re
from typing import Any

from weaselish.model.resources import NOTHING, Resources
from weaselish.named_tuple import NamedTuple

_RECORDED = re.compile(r"\[(.+?) × ([1-9][0-9]{0,5})\] (.*)", re.DOTALL)  # a script line of a role


class Image(NamedTuple):
    """The container image of a step: one for processors, and optionally one for steps that request GPUs."""

    cpu: str
    gpu: str | None = None

    def of(self, resources: Resources) -> str:
        """Return the image to use: the one for GPUs if any are requested and there is one."""
        return self.gpu if resources.gpus and self.gpu else self.cpu


class Role(NamedTuple):
    """One kind of process of a step. Each replica runs the script in a place of its own."""

    name: str
    script: tuple[str, ...] = ()
    replicas: int = 1
    port: int | None = None  # on which each replica listens; on a shared machine a free one is used instead
    image: Image | None = None  # None: the command's
    resources: Resources = NOTHING  # what each replica requests
    limits: Resources = NOTHING  # what each replica may use at most
    env: tuple[tuple[str, str], ...] = ()  # on top of the command's
    restarts: int = 0  # how often one replica is started again after a failure
    keep_alive: bool = False  # the step does not wait for it, and ends it when the others have ended
    is_command: bool = False  # `replicas` makes it of the command's own script

    @property
    def variable(self) -> str:
        """The role's name as variables of the environment begin with it: `PS` in PS_NODES."""
        return variable_name(self.name)

    @property
    def path(self) -> tuple[str, ...]:
        """Where in the command of project.yml its `script` is."""
        return () if self.is_command else ("roles", self.name)

    @property
    def prefix(self) -> str:
        """What precedes each of its script lines in a record."""
        return f"[{self.name} × {self.replicas}] "

    @property
    def recorded_script(self) -> tuple[str, ...]:
        """The script lines as a record has them, each behind the role and its number of replicas."""
        return tuple(self.prefix + line for line in self.script)


def roles_of(script: tuple[str, ...]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the roles of a recorded script: how many replicas, and the lines. None for a script without roles."""
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    for line in script:
        match = _RECORDED.fullmatch(line)
        if match is None:
            return {}
        name, count = match[1], int(match[2])
        found[name] = count, (*found.get(name, (count, ()))[1], match[3])
    return found


def total(roles: tuple[Role, ...]) -> Resources:
    """Return what all replicas request together."""
    requested = [role.resources for role in roles for _ in range(role.replicas)]
    return Resources(*map(sum, zip(*requested, strict=True)))


def variable_name(name: str) -> str:
    """Return a name in the form that variables of the environment have."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name).upper()


def role_from(row: list[Any]) -> Role:
    """Return a role from its fields in order, with lists in place of tuples, as JSON keeps them."""
    read = Role._make(row)
    return read._replace(
        script=tuple(read.script),
        image=Image._make(read.image) if read.image else None,
        resources=Resources._make(read.resources),
        limits=Resources._make(read.limits),
        env=tuple((name, text) for name, text in read.env),
    )

"""What a tool is asked for, and the project that all of them get in their own words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from benchmarks.environments import environment, version_of
from benchmarks.measure import Call, CannotDo

Kind = Literal["start-up", "walk", "hash", "steps", "transfer"]  # of limits

_MOST_COMMANDS, _MOST_FILES = 100, 10_000  # for slow tools
TRANSFERS = 8  # objects at a time, for tools that can be told


@dataclass(frozen=True, slots=True)
class Command:
    """`script` is a program with its arguments. Of a dep that is a directory all files count."""

    name: str
    script: tuple[str, ...]
    deps: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def line(self) -> str:
        return shlex.join(self.script)


@dataclass(frozen=True, slots=True)
class Remote:
    """A directory, or `s3://bucket/prefix` with an endpoint and what signs in there. Objects lie below `place`."""

    url: str
    place: Path
    endpoint: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """Commands in an order in which they could run. `remote`: where their outputs are to be kept."""

    commands: tuple[Command, ...]
    remote: Remote | None = None


class Tool:
    """A peer. What it has no answer for raises CannotDo."""

    name: str
    requirements: ClassVar[tuple[str, ...]] = ()  # what pip installs, the tool itself first
    program: ClassVar[str]  # in the environment that has them
    reads_content: ClassVar[bool] = True  # a file that was only touched does not make its users run
    only_deps: ClassVar[bool] = False  # it is of interest only where large deps are read
    keeps_in: ClassVar[tuple[str, ...]] = ()  # where in a project it keeps outputs that a fresh clone would not have
    is_slow: ClassVar[bool] = False  # it takes minutes for many commands or files, and is left out there
    is_limit: ClassVar[bool] = False  # not a peer, but the least that such a work can take

    @property
    def bin(self) -> Path:
        return environment(self.name, self.requirements)

    @property
    def distribution(self) -> str:
        return self.requirements[0].split("[")[0].split("=")[0]

    def version(self) -> str:
        return version_of(self.distribution, self.bin)

    def call(self, *arguments: str, env: Mapping[str, str] | None = None) -> Call:
        return Call((str(self.bin / self.program), *arguments), env or {})

    def check_size(self, *, commands: int = 1, files: int = 1) -> None:
        """Raises CannotDo for a project of so many commands, or files, that the tool would take minutes."""
        if self.is_slow and (commands > _MOST_COMMANDS or files > _MOST_FILES):
            most = f"{_MOST_COMMANDS:,} commands or {_MOST_FILES:,} files"
            raise CannotDo(f"{self.name}: left out above {most}, where it takes minutes")

    def start_up(self, option: str) -> Call:
        """`--version` or `--help`."""
        return self.call(option)

    def write(self, project: Project, directory: Path) -> None:
        """The project files, in a directory that holds the deps already."""
        raise CannotDo(f"{self.name} runs no commands")

    def run(self, jobs: int) -> Call:
        """Bring all commands up to date."""
        raise CannotDo(f"{self.name} runs no commands")

    def status(self) -> Call:
        raise CannotDo(f"{self.name} has no such question")

    def push(self, remote: Remote) -> Call:
        """The outputs, which lie in `out`, to a remote."""
        raise CannotDo(f"{self.name} transfers nothing")

    def pull(self, remote: Remote) -> Call:
        raise CannotDo(f"{self.name} transfers nothing")

    def push_again(self, remote: Remote) -> Call:
        """With nothing new."""
        return self.push(remote)

    def pull_again(self, remote: Remote) -> Call:
        return self.pull(remote)

    def least(self, kind: Kind, subject: str) -> Call:
        """For a limit: what no tool can do without. `subject`: an option, a path, or a number of steps."""
        raise CannotDo(f"{self.name} is no limit")


class Copier(Tool):
    """Copies `out`, whether or not anything is new."""

    def start_up(self, option: str) -> Call:
        raise CannotDo(f"{self.name} is here for its transfers")

    def push_again(self, remote: Remote) -> Call:
        raise CannotDo(f"{self.name} copies again what is there")

    def pull_again(self, remote: Remote) -> Call:
        raise CannotDo(f"{self.name} copies again what is there")


def is_directory(directory: Path, dep: str) -> bool:
    return (directory / dep).is_dir()

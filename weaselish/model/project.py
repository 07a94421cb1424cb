"""The project as its author wrote it, variables put in. Frozen data, nothing else.

`${env.X}` is still unresolved in every text here: values of the environment are put in when a step is about to start,
so that none reaches the disk. Paths are relative to the project, with `/`, without `./` and trailing slash.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from weaselish.errors import Problem

_NONE: Mapping[str, Any] = MappingProxyType({})

Algorithm = Literal["md5", "blake3"]  # of content digests
Shell = Literal[False] | str  # False: no shell; else the shell's program, `sh` for `shell: true`


class Command(NamedTuple):
    name: str
    help: str = ""
    script: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    outputs_no_cache: tuple[str, ...] = ()
    no_skip: bool = False
    env: tuple[tuple[str, str], ...] = ()
    shell: Shell = False
    workdir: str = "."
    timeout: float | None = None  # seconds
    retries: int = 0
    mutex: tuple[str, ...] = ()
    confirm: str | None = None
    written: tuple[tuple[str, str], ...] = ()  # (path, as written) where normalising changed it: `out` from `out/`

    @property
    def all_outputs(self) -> tuple[str, ...]:
        """Outputs of both kinds."""
        return self.outputs + self.outputs_no_cache

    def as_written(self, path: str) -> str:
        return dict(self.written).get(path, path) if self.written else path


class Git(NamedTuple):
    repo: str
    path: str = ""  # "": the whole repository
    branch: str | None = None  # branch, tag or commit; None: the repository's default branch


class Asset(NamedTuple):
    """A file or directory from elsewhere: by `url`, by `git`, or private (neither): the user puts it there."""

    dest: str
    url: str | None = None
    git: Git | None = None
    checksum: str | None = None  # lower case; `sha256:` in front, or MD5
    description: str = ""
    extra: bool = False


class Remote(NamedTuple):
    name: str
    url: str  # s3://, gs://, az://, file:// or a path, relative to the project
    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None
    read_only: bool = False


class ProjectModel(NamedTuple):
    title: str = ""
    description: str = ""
    compat: bool = False  # `compat: weasel`
    digest: Algorithm = "md5"
    dotenv: tuple[str, ...] = ()
    vars: Mapping[str, object] = _NONE
    env: Mapping[str, str] = _NONE  # name in ${env.NAME} -> environment variable
    directories: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = ()
    commands: Mapping[str, Command] = _NONE  # by name, in the order of the file
    workflows: Mapping[str, tuple[str, ...]] = _NONE  # steps as listed: commands or workflows
    remotes: Mapping[str, Remote] = _NONE
    warnings: tuple[Problem, ...] = ()

    def steps_of(self, workflow: str) -> tuple[str, ...]:
        """The workflow's commands in listed order, workflows inside it opened; a repeated one is repeated here."""
        steps: list[str] = []
        for name in self.workflows[workflow]:
            steps.extend(self.steps_of(name) if name in self.workflows else (name,))
        return tuple(steps)

    def with_command(self, command: Command) -> ProjectModel:
        """This project with `command` in place of the one of its name."""
        return self._replace(commands={**self.commands, command.name: command})

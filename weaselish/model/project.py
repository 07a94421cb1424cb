"""The project as frozen data, with variables replaced.

`${env.X}` stays unresolved in every text: values of the environment are inserted when a step is about to start, so
that none reaches the disk. Paths are normalised and relative to the project; outside it they may be absolute.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from weaselish.errors import Problem
from weaselish.model.paths import ancestors, is_outside
from weaselish.model.workflows import contained_first, steps_of

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
        """`outputs` and `outputs_no_cache`."""
        return self.outputs + self.outputs_no_cache

    @property
    def pushed_outputs(self) -> tuple[str, ...]:
        """`outputs` without those outside the project, and without those inside another one, which contains them."""
        pushable = {output: None for output in self.outputs if not is_outside(output)}
        return tuple(output for output in pushable if pushable.keys().isdisjoint(ancestors(output)))

    def as_written(self, path: str) -> str:
        """Return a dep or output as project.yml has it."""
        return dict(self.written).get(path, path) if self.written else path


class Git(NamedTuple):
    repo: str
    path: str = ""  # "": the whole repository
    branch: str | None = None  # branch, tag or commit; None: the repository's default branch


class Asset(NamedTuple):
    """A file or directory from elsewhere, by `url` or `git`. With neither it is private: the user provides it."""

    dest: str
    url: str | None = None
    git: Git | None = None
    checksum: str | None = None  # lower case; `sha256:` in front, or MD5
    description: str = ""
    extra: bool = False

    @property
    def is_private(self) -> bool:
        """Return whether project.yml does not say where to fetch it."""
        return self.url is None and self.git is None


class Remote(NamedTuple):
    name: str
    url: str  # s3://, gs://, az://, file:// or a path, relative to the project
    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None
    read_only: bool = False
    anonymous: bool = False  # access a public bucket without credentials
    sse: str | None = None  # how S3 encrypts new objects: AES256 or aws:kms
    kms_key: str | None = None  # the key for `sse: aws:kms`, the account's own if left out
    requester_pays: bool = False


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
    faults: tuple[Problem, ...] = ()  # errors, each confined to one part: plans without that part can run

    def steps_of(self, workflow: str) -> tuple[str, ...]:
        """Return the workflow's commands in listed order, workflows in it expanded. A repeated step is repeated."""
        return tuple(step for step in steps_of(self.workflows, workflow) if step in self.commands)

    def faults_in(self, section: str, name: str) -> tuple[Problem, ...]:
        """Return the errors confined to one entry of a section."""
        return tuple(problem for problem in self.faults if problem.confined_to == (section, name))

    def problems_of(self, names: Collection[str]) -> tuple[Problem, ...]:
        """Return the errors confined to commands and workflows, and to what these workflows contain."""
        if not self.faults:
            return ()
        workflows = contained_first(self.workflows, set(names) & self.workflows.keys())[0]
        commands = {*names, *(step for workflow in workflows for step in self.workflows[workflow])}
        parts = {*(("commands", name) for name in commands), *(("workflows", name) for name in workflows)}
        return tuple(problem for problem in self.faults if problem.confined_to in parts)

    def with_command(self, command: Command) -> ProjectModel:
        """Return this project with `command` instead of the one of its name."""
        return self._replace(commands={**self.commands, command.name: command})

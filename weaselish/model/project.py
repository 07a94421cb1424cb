"""The project as frozen data, with variables replaced.

`${env.X}` stays unresolved in every text: values of the environment are inserted when a step is about to start, so
that none reaches the disk. Paths are normalised and relative to the project; outside it they may be absolute.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from weaselish.errors import Problem
from weaselish.model.artifacts import Artifact, ProjectVersion
from weaselish.model.cache import CacheSettings
from weaselish.model.executors import Executors
from weaselish.model.paths import ancestors, is_glob, is_outside, name_pattern
from weaselish.model.resources import NOTHING, Resources
from weaselish.model.roles import Image, Role, total
from weaselish.model.sources import Mount
from weaselish.model.workflows import contained_first, steps_of
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.model.secret_refs import Auth

_NONE: Mapping[str, Any] = MappingProxyType({})

Algorithm = Literal["md5", "blake3"]  # of content digests
Shell = Literal[False] | str  # False: no shell; else the shell's program, `sh` for `shell: true`


class Combination(NamedTuple):
    """What a step of a matrix is made of."""

    command: str  # the name of the command in project.yml
    values: tuple[tuple[str, str], ...]  # (variable, value), in the order of the variables


class Command(NamedTuple):
    """A command, or one step of a command that has a matrix."""

    name: str
    help: str = ""
    script: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    outputs_no_cache: tuple[str, ...] = ()  # with the metrics files that are in no output
    metrics: tuple[str, ...] = ()  # files, each also an output or in one
    no_skip: bool = False
    env: tuple[tuple[str, str], ...] = ()
    shell: Shell = False
    workdir: str = "."
    timeout: float | None = None  # seconds
    retries: int = 0
    mutex: tuple[str, ...] = ()
    confirm: str | None = None
    interactive: bool = False  # it needs the terminal: no other step runs at the same time
    cache: bool = True  # whether the run cache may hold its results
    resources: Resources = NOTHING  # what it requests
    limits: Resources = NOTHING  # what it may use at most
    queue_timeout: float | None = None  # seconds that it may wait for resources
    executor: str | None = None  # the name of the executor that runs it; None: the project's default
    image: Image | None = None  # the container image that it needs; part of its key
    roles: tuple[Role, ...] = ()  # the kinds of process that run in place of `script`
    written: tuple[tuple[str, str], ...] = ()  # (path, as written) where normalising changed it: `out` from `out/`
    matrix: Combination | None = None

    @property
    def all_outputs(self) -> tuple[str, ...]:
        """`outputs` and `outputs_no_cache`."""
        return self.outputs + self.outputs_no_cache

    @property
    def pushed_outputs(self) -> tuple[str, ...]:
        """`outputs` without those outside the project, and without those inside another one, which contains them."""
        pushable = {output: None for output in self.outputs if not is_outside(output)}
        return tuple(output for output in pushable if pushable.keys().isdisjoint(ancestors(output)))

    @property
    def recorded_script(self) -> tuple[str, ...]:
        """The script lines as a record has them: with roles, those of each role."""
        return tuple(line for role in self.roles for line in role.recorded_script) if self.roles else self.script

    @property
    def scripts(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """The script lines, with roles of each role, behind their place in the command of project.yml."""
        if not self.roles:
            return ((("script",), self.script),)
        return tuple(((*role.path, "script"), role.script) for role in self.roles)

    @property
    def requested(self) -> Resources:
        """What the command requests: with roles, what all their replicas request together."""
        return total(self.roles) if self.roles else self.resources

    def as_written(self, path: str) -> str:
        """Return a dep or output as project.yml has it."""
        return dict(self.written).get(path, path) if self.written else path


class Matrix(NamedTuple):
    """A command of project.yml with a `matrix`: its name stands for all its steps."""

    steps: tuple[str, ...]
    help: str = ""  # with `{lang}` for each variable


class Git(NamedTuple):
    repo: str
    path: str = ""  # "": the whole repository
    branch: str | None = None  # branch, tag or commit; None: the repository's default branch


class Asset(NamedTuple):
    """A file or directory from elsewhere, by `url` or `git`. With neither it is private: the user provides it.

    A named asset is a source: each step gets its place as `<NAME>_DIR`, and project.lock pins what was fetched.
    """

    dest: str
    url: str | None = None
    git: Git | None = None
    checksum: str | None = None  # lower case; `sha256:` in front, or MD5
    description: str = ""
    extra: bool = False
    name: str | None = None
    mount: Mount | None = None  # of a source that is not fetched but mounted

    @property
    def is_private(self) -> bool:
        """Return whether project.yml does not say where to fetch it."""
        return self.url is None and self.git is None

    @property
    def place(self) -> str:
        """Where its content is, relative to the project or absolute: the path of its mount, or its dest."""
        return (self.mount.path if self.mount else None) or self.dest


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
    auth: Auth | None = None  # of a remote over HTTP
    is_user_cache: bool = False  # the cache directory that all projects of the user share
    is_users: bool = False  # the user's config.yml defines it, not project.yml


class ProjectModel(NamedTuple):
    name: str = ""  # under which snapshots are stored; empty: the folder's name
    title: str = ""
    description: str = ""
    compat: bool = False  # `compat: weasel`
    digest: Algorithm = "md5"
    dotenv: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()  # their content is part of every key
    vars: Mapping[str, object] = _NONE
    env: Mapping[str, str] = _NONE  # name in ${env.NAME} -> environment variable
    directories: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = ()
    commands: Mapping[str, Command] = _NONE  # by name, in the order of the file; of a matrix each step
    matrices: Mapping[str, Matrix] = _NONE  # by the name of the command in the file
    workflows: Mapping[str, tuple[str, ...]] = _NONE  # steps as listed: commands, workflows or globs
    remotes: Mapping[str, Remote] = _NONE
    cache: CacheSettings | None = None
    executors: Executors = Executors()
    version: ProjectVersion = ProjectVersion()
    artifacts: Mapping[str, Artifact] = _NONE
    warnings: tuple[Problem, ...] = ()
    faults: tuple[Problem, ...] = ()  # errors, each confined to one part: plans without that part can run

    def steps_of(self, workflow: str) -> tuple[str, ...]:
        """Return the workflow's commands in listed order, workflows in it expanded. A repeated step is repeated."""
        return steps_of(self.workflows, workflow, self.named)

    def named(self, name: str) -> tuple[str, ...]:
        """Return the commands that a name stands for: a command, all steps of a matrix, or what a glob matches.

        Return none for a workflow, and for a name that project.yml does not have.
        """
        if name in self.commands:
            return (name,)
        if name in self.matrices:
            return self.matrices[name].steps
        return tuple(matching(self.commands.values(), name)) if is_glob(name) else ()

    @property
    def written(self) -> tuple[str, ...]:
        """The names of the commands as project.yml has them: one for all steps of a matrix."""
        return tuple(dict.fromkeys(self._written_name(name) for name in self.commands))

    def variables_of(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return the variables of a matrix with the values that occur in its combinations."""
        values: dict[str, dict[str, None]] = {}
        for step in self.matrices[name].steps:
            matrix = self.commands[step].matrix
            for variable, value in matrix.values if matrix else ():
                values.setdefault(variable, {})[value] = None
        return {variable: tuple(texts) for variable, texts in values.items()}

    def _written_name(self, name: str) -> str:
        """Return the name in project.yml of a command, or of a step of a matrix that has an error."""
        command = self.commands.get(name)
        if command is None:
            return name.partition("@")[0]
        return command.matrix.command if command.matrix else name

    def faults_in(self, section: str, name: str) -> tuple[Problem, ...]:
        """Return the errors confined to one entry of a section."""
        return tuple(problem for problem in self.faults if problem.confined_to == (section, name))

    def problems_of(self, names: Collection[str]) -> tuple[Problem, ...]:
        """Return the errors confined to commands and workflows, and to what these workflows contain."""
        if not self.faults:
            return ()
        workflows = contained_first(self.workflows, set(names) & self.workflows.keys())[0]
        listed = {*names, *(step for workflow in workflows for step in self.workflows[workflow])}
        commands = listed.union(*map(self.named, listed))
        commands |= {self._written_name(name) for name in commands}
        parts = {*(("commands", name) for name in commands), *(("workflows", name) for name in workflows)}
        return tuple(problem for problem in self.faults if problem.confined_to in parts)


def matching(commands: Iterable[Command], glob: str) -> Iterator[str]:
    """Yield the names of the commands that a glob matches. One that matches a matrix's name matches all its steps."""
    matches = name_pattern(glob).fullmatch
    for command in commands:
        if matches(command.name) or (command.matrix and matches(command.matrix.command)):
            yield command.name

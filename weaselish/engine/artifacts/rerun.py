"""Computes a version again: the run that its manifest names, in a clean directory, with the deps of that run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.artifacts.catalogue import Version
from weaselish.engine.artifacts.manifest import Manifest
from weaselish.engine.artifacts.old_content import OldContent
from weaselish.engine.artifacts.pull import Puller
from weaselish.engine.artifacts.stored_run import published_on
from weaselish.engine.events import StepFailed
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.run.run import RunOptions, run
from weaselish.errors import ProjError
from weaselish.executors.base import ExecutorSource
from weaselish.interpreter import project_python
from weaselish.model.artifacts import Artifact
from weaselish.model.paths import overlap
from weaselish.model.project import Command, ProjectModel, Remote
from weaselish.model.roles import Role, roles_of
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import Record
from weaselish.records.history import past_runs
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

ExecutorsIn = Callable[[Path, Mapping[str, str]], AbstractContextManager[ExecutorSource]]


class Ended(NamedTuple):
    """How a rerun ended. `root`: its clean directory. `failure`: why the script did not succeed."""

    root: Path
    is_identical: bool
    failure: str | None
    notes: tuple[str, ...]


class Rerun:
    """The rerun of one version. Raises ProjError without a record, or without what its run read."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        puller: Puller,
        artifact: Artifact,
        version: Version,
        open_store: OpenStore,
        remote: Remote,
        executors_in: ExecutorsIn,
        report: events.Reporter,
    ) -> None:
        self.artifact = artifact
        self.version = version
        self.puller = puller
        self._workspace = workspace
        self._store = store
        self._old = OldContent(workspace, remote, open_store, report)
        self._executors_in = executors_in
        self._report = report
        self._remote = remote

    @property
    def manifest(self) -> Manifest:
        if self.version.manifest is None:
            raise ProjError(f"{self.version.label} is unattested: no manifest says which run produced it")
        return self.version.manifest

    @cached_property
    def record(self) -> Record:
        """The record of the run that produced the version: of the remote, or of this project."""
        reference = self.manifest.record
        if reference is None:
            raise ProjError(f"{self.version.label} is unattested: no recorded run produced it")
        published = published_on(self._store, reference)
        if published is not None:
            return published.record
        for record in self._local_records(reference.command):
            if (record.run, record.fingerprint.key) == (reference.run, reference.key):
                return record
        raise ProjError(
            f"the record of run {reference.run} of `{reference.command}`, which produced {self.version.label}, "
            f"is neither here nor on remote `{self._remote.name}`",
            hint=f"where it ran: `proj push {self._remote.name} -c {reference.command}`",
        )

    def run(self, root: Path) -> Ended:
        """Run the script in `root`, which must not exist, and compare the artifact with the version."""
        manifest = self.manifest
        root.mkdir(parents=True)
        self._provide_deps(root, self.record, present=())
        clean, failure, notes = self._execute(root, self.record)
        clean.digests.forget()
        digest = clean.digests_with(algorithm_of(manifest.digest)).digest(manifest.path, "output")
        return Ended(root, failure is None and digest == manifest.digest, failure, tuple(notes))

    # -- runs that measure the version --------------------------------------------------------------------------------

    def measuring(self, file: str) -> Record | None:
        """Return a recorded run that read the version's content and wrote `file`. None if none is found."""
        read = (self.manifest.path, self.manifest.digest)
        for command in self._workspace.project.commands.values():
            if any(overlap(path, file) for path in command.all_outputs):
                for record in self._records(command):
                    if read in record.fingerprint.deps and any(overlap(one.path, file) for one in record.all_outputs):
                        return record
        return None

    def _records(self, command: Command) -> Iterator[Record]:
        """Yield the records of a command: those of this project, then those on the remote."""
        yield from self._local_records(command.name)
        for output in command.pushed_outputs[:1]:
            yield from self._old.published(output)

    def measure(self, root: Path, record: Record) -> str | None:
        """Run the script of such a run in the directory of the rerun. Return why it failed, None if it succeeded."""
        self._provide_deps(root, record, present=[output.path for output in self.record.all_outputs])
        return self._execute(root, record)[1]

    def output_of(self, record: Record, file: str, place: Path) -> Path:
        """Put the output of a run that is `file` or contains it below `place`, if it can be found. Return `place`."""
        for output in record.all_outputs:
            if overlap(output.path, file):
                self._old.put(output.path, output.digest, place, record, view="output")
        return place

    def _local_records(self, command: str) -> Iterator[Record]:
        """Yield the records of a command that this project holds, the last first."""
        for last in self._workspace.records.last(command):
            if isinstance(last, Record):
                yield self._workspace.records.complete(last)
        for past in reversed(past_runs(self._workspace.root)):
            if past.record is not None and past.command == command:
                yield past.record

    # -- the clean directory ------------------------------------------------------------------------------------------

    def _provide_deps(self, root: Path, record: Record, present: Sequence[str]) -> None:
        """Put the deps of a run into the directory, except what the run or an earlier one produces there."""
        produced = [*present, *(output.path for output in record.all_outputs)]
        for path, digest in record.fingerprint.deps:
            is_wanted = digest is not None and not any(overlap(path, output) for output in produced)
            if is_wanted and not self._old.put(path, digest or "", root, record, view="dep"):
                raise ProjError(
                    f"{self.version.label} cannot be computed again: `{path}` as it was then is neither in the "
                    f"working tree, nor in git, nor on remote `{self._remote.name}`",
                    hint="restore it; or push the outputs of the step that produced it",
                )
        self._copy_settings(root, record)

    def _copy_settings(self, root: Path, record: Record) -> None:
        """Copy files that are settings rather than deps, and create the directories that a script may expect."""
        project = self._workspace.project
        for name in (*project.dotenv, *project.env_files):
            source, target = self._workspace.root / name, root / name
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        workdir = record.fingerprint.workdir
        for path in (*(output.path for output in record.all_outputs), workdir):
            directory = root / path if path == workdir else (root / path).parent
            directory.mkdir(parents=True, exist_ok=True)

    def _project(self, record: Record) -> ProjectModel:
        """Return a project of which the run's command is all."""
        project, then = self._workspace.project, record.fingerprint
        current = project.commands.get(record.command, Command(record.command))
        roles = self._roles(current, then.script)
        command = current._replace(
            script=() if roles else then.script,
            roles=roles,
            deps=tuple(path for path, digest in then.deps if digest is not None),
            outputs=tuple(output.path for output in record.outputs),
            outputs_no_cache=tuple(output.path for output in record.outputs_no_cache),
            shell=then.shell,
            workdir=then.workdir,
            confirm=None,
            matrix=None,
        )
        return ProjectModel(
            digest=project.digest,
            dotenv=project.dotenv,
            env_files=project.env_files,
            vars=project.vars,
            env=project.env,
            commands={record.command: command},
        )

    def _roles(self, command: Command, script: tuple[str, ...]) -> tuple[Role, ...]:
        """Return the roles of a recorded script, none if it has none.

        A record holds the replicas and lines of roles. Ports and the like are those that project.yml has now.
        """
        recorded = roles_of(script)
        current = {role.name: role for role in command.roles}
        if lost := [name for name in recorded if name not in current]:
            raise ProjError(
                f"{self.version.label} cannot be computed again: its run had the role `{lost[0]}`, "
                f"and `{command.name}` has none of that name now",
                hint="check out the project.yml of that time",
            )
        return tuple(current[name]._replace(replicas=count, script=lines) for name, (count, lines) in recorded.items())

    def _execute(self, root: Path, record: Record) -> tuple[Workspace, str | None, list[str]]:
        """Run the command of a record. Return why it failed, and what differs from the recorded run."""
        clean = Workspace(root, self._project(record), cancel=self._workspace.cancel)
        failures: list[str] = []

        def report(event: events.Event) -> None:
            if isinstance(event, StepFailed):
                failures.append(event.message)
            self._report(event)

        options = RunOptions(args=record.fingerprint.args, cache="off")
        with self._executors_in(clean.root, self._environ()) as executors:
            result = run(
                clean,
                [record.command],
                options,
                executors=executors,
                open_store=self._no_store,
                report=report,
            )
        clean.cancel.check()
        failure = None if result.exit_code == 0 else (failures or [f"exit code {result.exit_code}"])[0]
        last = [one for one in clean.records.last(record.command) if isinstance(one, Record)]
        return clean, failure, list(self._notes(record, last[0])) if last else []

    def _no_store(self, remote: Remote) -> Store:
        raise ProjError("a rerun uses no remote")

    def _environ(self) -> Mapping[str, str]:
        """Return our environment, in which `python` means that of the project, not of the clean directory."""
        python = project_python(self._workspace.root, os.environ)
        prefix = os.path.dirname(os.path.dirname(python))
        return {**os.environ, **({} if python == sys.executable else {"VIRTUAL_ENV": prefix})}

    def _notes(self, record: Record, now: Record) -> Iterator[str]:
        """Yield what else than the script and the deps was different."""
        then = dict(record.fingerprint.env)
        for name, digest in now.fingerprint.env:
            if then.get(name) != digest:
                yield f"the variable `{name}` has another value than in the recorded run"
        if record.fingerprint.environment != now.fingerprint.environment:
            yield "the files under `env_files` differ from those of the recorded run"
        host, ours = (one.provenance.host if one.provenance else None for one in (record, now))
        if host and ours and host.python != ours.python:
            yield f"the recorded run used Python {host.python} for proj, this one {ours.python}"

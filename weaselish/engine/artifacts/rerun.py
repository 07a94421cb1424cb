"""Computes a version again: the run that its manifest names, in a clean directory, with the deps of that run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

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
from weaselish.executors.base import ExecutorFor
from weaselish.model.artifacts import Artifact
from weaselish.model.paths import overlap
from weaselish.model.project import Command, ProjectModel, Remote
from weaselish.plan.digests import algorithm_of
from weaselish.plan.record import Record
from weaselish.records.history import past_runs
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

ExecutorsIn = Callable[[Path, Mapping[str, str]], AbstractContextManager[ExecutorFor]]


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
        known = [one for one in self._workspace.records.last(reference.command) if isinstance(one, Record)]
        known += [one.record for one in past_runs(self._workspace.root) if one.record is not None]
        for record in known:
            if (record.run, record.fingerprint.key) == (reference.run, reference.key):
                return self._workspace.records.complete(record)
        raise ProjError(
            f"the record of run {reference.run} of `{reference.command}`, which produced {self.version.label}, "
            f"is neither here nor on remote `{self._remote.name}`",
            hint=f"where it ran: `proj push {self._remote.name} -c {reference.command}`",
        )

    def recorded_output(self, file: str, place: Path) -> Path:
        """Put the output of the run that is `file` or contains it below `place`, if it can be found. Return `place`."""
        for output in self.record.all_outputs:
            if overlap(output.path, file):
                self._old.put(output.path, output.digest, place, self.record, view="output")
        return place

    def run(self, root: Path) -> Ended:
        """Run the script in `root`, which must not exist, and compare the artifact with the version."""
        record, manifest = self.record, self.manifest
        root.mkdir(parents=True)
        missing = [path for path, digest in self._deps() if not self._old.put(path, digest, root, record, view="dep")]
        if missing:
            raise ProjError(
                f"{self.version.label} cannot be computed again: `{missing[0]}` as it was then is neither in the "
                f"working tree, nor in git, nor on remote `{self._remote.name}`",
                hint="restore it; or push the outputs of the step that produced it",
            )
        self._copy_settings(root)
        clean = Workspace(root, self._project(), cancel=self._workspace.cancel)
        failure, notes = self._execute(clean)
        clean.digests.forget()
        digest = clean.digests_with(algorithm_of(manifest.digest)).digest(manifest.path, "output")
        return Ended(root, failure is None and digest == manifest.digest, failure, tuple(notes))

    def _deps(self) -> Iterator[tuple[str, str]]:
        """Yield the deps of the run, without what it produced itself."""
        outputs = [output.path for output in self.record.all_outputs]
        for path, digest in self.record.fingerprint.deps:
            if digest is not None and not any(overlap(path, output) for output in outputs):
                yield path, digest

    def _copy_settings(self, root: Path) -> None:
        """Copy files that are settings rather than deps, and create the directories that a script may expect."""
        project = self._workspace.project
        for name in (*project.dotenv, *project.env_files):
            source, target = self._workspace.root / name, root / name
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        for path in (*(output.path for output in self.record.all_outputs), self.record.fingerprint.workdir):
            directory = root / path if path == self.record.fingerprint.workdir else (root / path).parent
            directory.mkdir(parents=True, exist_ok=True)

    def _project(self) -> ProjectModel:
        """Return a project of which the run's command is all."""
        project, record = self._workspace.project, self.record
        then = record.fingerprint
        current = project.commands.get(record.command, Command(record.command))
        command = current._replace(
            script=then.script,
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

    def _execute(self, clean: Workspace) -> tuple[str | None, list[str]]:
        """Run the command. Return why it failed, and what differs from the recorded run."""
        failures: list[str] = []

        def report(event: events.Event) -> None:
            if isinstance(event, StepFailed):
                failures.append(event.message)
            self._report(event)

        options = RunOptions(args=self.record.fingerprint.args, cache="off")
        with self._executors_in(clean.root, self._environ()) as executor_for:
            result = run(
                clean,
                [self.record.command],
                options,
                executor_for=executor_for,
                open_store=self._no_store,
                report=report,
            )
        clean.cancel.check()
        failure = None if result.exit_code == 0 else (failures or [f"exit code {result.exit_code}"])[0]
        last = [one for one in clean.records.last(self.record.command) if isinstance(one, Record)]
        return failure, list(self._notes(last[0])) if last else []

    def _no_store(self, remote: Remote) -> Store:
        raise ProjError("a rerun uses no remote")

    def _environ(self) -> Mapping[str, str]:
        """Return our environment, in which `python` means that of the project, not of the clean directory."""
        own = self._workspace.root / ".venv"
        has_own = own.is_dir() and not os.environ.get("VIRTUAL_ENV") and not os.environ.get("CONDA_PREFIX")
        return {**os.environ, **({"VIRTUAL_ENV": str(own)} if has_own else {})}

    def _notes(self, now: Record) -> Iterator[str]:
        """Yield what else than the script and the deps was different."""
        then = dict(self.record.fingerprint.env)
        for name, digest in now.fingerprint.env:
            if then.get(name) != digest:
                yield f"the variable `{name}` has another value than in the recorded run"
        if self.record.fingerprint.environment != now.fingerprint.environment:
            yield "the files under `env_files` differ from those of the recorded run"
        host, ours = (one.provenance.host if one.provenance else None for one in (self.record, now))
        if host and ours and host.python != ours.python:
            yield f"the recorded run used Python {host.python} for proj, this one {ours.python}"

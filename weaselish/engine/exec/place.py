"""What `proj exec` does where the project is not: fetch the inputs of a job, run its script, publish its result."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from weaselish.engine.exec import document as documents
from weaselish.engine.exec import result as results
from weaselish.engine.exec.document import BadDocument, JobDocument
from weaselish.engine.exec.heartbeat import beating
from weaselish.engine.exec.inputs import fetch_inputs
from weaselish.engine.exec.names import alive_key, attempt_key, job_key
from weaselish.engine.exec.place_check import command_at, verified_inputs
from weaselish.engine.exec.publishing import keep, publish, published_by_another
from weaselish.engine.exec.replica_at import ReplicaAt, job_of, parts
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.directories import make_directories
from weaselish.engine.run.job import make_job
from weaselish.engine.run.metrics import read_metrics
from weaselish.engine.run.provenance import TOOL, iso, this_host
from weaselish.engine.run.recording import Recorder
from weaselish.engine.run.staleness import Staleness
from weaselish.errors import NotInStore, ProjError, UsageError
from weaselish.executors.base import Ending, Executor, Job, JobOutput, Outcome
from weaselish.model.project import Asset, Command, ProjectModel
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import Provenance, Record
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

ExecutorAt = Callable[[Path, Mapping[str, str]], Executor]
OutputOf = Callable[[Workspace, Command], JobOutput]


def read_job(store: Store, job: str, remote: str) -> JobDocument:
    """Return the document of a job. `remote` is its name in messages. Raises UsageError."""
    try:
        return documents.decode(b"".join(store.get(job_key(job))))
    except NotInStore:
        hint = "its run may have ended, and removed it; `proj run` submits it again"
        raise UsageError(f"`{remote}` has no job `{job}`", hint=hint) from None
    except BadDocument as error:
        raise UsageError(f"the job `{job}` on `{remote}` cannot be used: {error}") from None


class Attempt:
    """One attempt at a job, or at one replica of it, in an empty directory.

    `tree` is that of the remote that holds the job. A replica publishes no run: the driver unites what all have.
    """

    def __init__(
        self, tree: RemoteTree, job: str, document: JobDocument, workspace: Workspace, replica: ReplicaAt | None = None
    ) -> None:
        self._replica = replica
        self._tree = tree
        self._job = job
        self._document = document
        self._workspace = workspace
        self._name = secrets.token_hex(6)

    def run(self, executor_at: ExecutorAt, output_of: OutputOf) -> Outcome:
        """Run the job and store its result. Raises ProjError for what its script is not to blame for."""
        store = self._tree.store
        name = None if self._replica is None else self._replica.name
        with beating(store, alive_key(self._job, self._name)):
            try:
                outcome, record, kept = self._run(executor_at, output_of)
            except ProjError as error:
                failed = Outcome(Ending.NOT_STARTED, error.exit_code, message=error.message, hint=error.hint)
                failed = failed._replace(replica=name)
                self._store(results.encode(failed._replace(host=os.uname().nodename), None, ()))
                raise
            if outcome.ended is not Ending.INTERRUPTED:
                self._store(results.encode(outcome._replace(replica=name), record, kept))
            return outcome

    def _store(self, result: bytes) -> None:
        self._tree.store.put(attempt_key(self._job, self._name), [result])

    def _run(self, executor_at: ExecutorAt, output_of: OutputOf) -> tuple[Outcome, bytes | None, list[OutputObject]]:
        document, workspace = self._document, self._workspace
        if self._replica is None and (record := published_by_another(self._tree, document)) is not None:
            return Outcome(Ending.EXITED, 0, host=os.uname().nodename), record, []
        command = workspace.project.commands[document.command.name]
        fetch_inputs(self._tree.store, document, workspace.root, workspace.cancel)
        now = verified_inputs(workspace, command, document, self._role)
        make_directories(workspace, command)
        begun, wall = time.monotonic(), time.time()
        recorder = Recorder(workspace, command, now.args, _staleness(now))
        executor = executor_at(workspace.root, os.environ)
        outcome = executor.run(
            self._made_job(command, now), output=output_of(workspace, command), cancel=workspace.cancel
        )
        if not outcome.succeeded:
            return outcome, None, []
        workspace.digests.forget()
        if self._replica is not None:
            return outcome, None, parts(self._tree, workspace, command, now, self._folder)
        made = recorder.record(document.run)
        if made is None:
            raise ProjError(f"`{command.name}` changed its own inputs while it ran")
        provenance = Provenance(
            executor=document.executor,
            tool=TOOL,
            host=this_host(),
            git=document.git,
            started=iso(wall),
            seconds=round(time.monotonic() - begun, 3),
            reasons=document.reasons,
        )
        made = made._replace(
            fingerprint=made.fingerprint._replace(environment=now.environment),
            provenance=provenance,
            metrics=read_metrics(workspace, command),
        )
        return outcome, publish(self._tree, workspace, command, made), self._kept(made)

    def _made_job(self, command: Command, now: Fingerprint) -> Job:
        job = make_job(self._workspace, command, now, run=self._document.run, args=now.args)
        return job if self._replica is None else job_of(job, self._replica)

    @property
    def _role(self) -> str | None:
        return None if self._replica is None else self._replica.role

    @property
    def _folder(self) -> str:
        return attempt_key(self._job, self._name).removesuffix(".json")

    def _kept(self, record: Record) -> list[OutputObject]:
        return [
            keep(self._tree, self._workspace, output, self._folder)
            for output in record.outputs_no_cache
            if output.size is not None
        ]


def workspace_at(
    root: Path, document: JobDocument, role: str | None, workspace_of: Callable[[Path, ProjectModel], Workspace]
) -> Workspace:
    """Return a workspace in `root` of which the job's command is all. Raises ProjError for its environment.

    `role`: that of the replica that runs here.
    """
    command = command_at(document, role)
    project = ProjectModel(
        name=document.project,
        compat=document.compat,
        digest=document.algorithm,
        env=document.references,
        directories=document.directories,
        assets=tuple(Asset(dest, name=name) for name, dest in document.sources.items()),
        commands={command.name: command},
    )
    return workspace_of(root, project)


def _staleness(now: Fingerprint) -> Staleness:
    """Return what a recorder compares with. The files under `env_files` are not here, so none of them can change."""
    return Staleness(now._replace(environment=()), None, (), 0)

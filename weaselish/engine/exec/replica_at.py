"""One replica of a job with roles where its project is not: which one it is, what it runs, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping

from weaselish.engine.exec.document import JobDocument
from weaselish.engine.exec.publishing import keep
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.run.recording import inputs_of
from weaselish.engine.run.staleness import output_content
from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.executors.base import Job
from weaselish.model.paths import ancestors
from weaselish.model.project import Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import RecordedOutput
from weaselish.workspace import Workspace

_INDEX = "REPLICA_INDEX"


class ReplicaAt(NamedTuple):
    role: str
    number: str  # its index

    @property
    def name(self) -> str:
        return f"{self.role}.{self.number}"


def replica_at(document: JobDocument, role: str | None, environ: Mapping[str, str]) -> ReplicaAt | None:
    """Return which replica of a job runs here, None for a job without roles. Raises UsageError."""
    roles = {one.name: one for one in document.command.roles}
    if role is None and not roles:
        return None
    if role is None or not roles:
        raise UsageError(f"`{document.command.name}` has {'' if roles else 'no '}roles", hint="`--role` names one")
    if role not in roles:
        raise UnknownName("role", role, list(roles))
    index = environ.get(_INDEX, "")
    if index not in map(str, range(roles[role].replicas)):
        raise UsageError(f"{_INDEX} is not the index of a replica of `{role}`", hint="the executor sets it")
    return ReplicaAt(role, index)


def job_of(job: Job, replica: ReplicaAt) -> Job:
    """Return the job of one replica. The executor has set its environment, and ends it after the timeout."""
    [role] = [one for one in job.roles if one.name == replica.role]
    return job._replace(
        lines=role.lines, env={**job.env, **role.env}, limits=role.limits, image=None, roles=(), timeout=None
    )


def parts(
    tree: RemoteTree, workspace: Workspace, command: Command, then: Fingerprint, folder: str
) -> list[OutputObject]:
    """Store the outputs that are in this replica's directory, in the folder of its attempt.

    Raises ProjError if the inputs are no longer those before it ran.
    """
    digests = workspace.digests
    now = fingerprint(command, workspace.env, digests.of_dep, args=then.args, environment=then.environment)
    if inputs_of(command, now) != inputs_of(command, then):
        raise ProjError(f"`{command.name}` changed its own inputs while it ran")
    paths = dict.fromkeys(command.all_outputs)
    found = {path: output_content(digests, command, path) for path in paths if paths.keys().isdisjoint(ancestors(path))}
    return [
        keep(tree, workspace, RecordedOutput(path, one.digest, one.size, one.files), folder)
        for path, one in found.items()
        if one is not None
    ]

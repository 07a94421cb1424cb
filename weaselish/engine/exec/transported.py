"""Executors that do not see the project: a job travels to a remote, and `proj exec` runs it on the other side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.engine.exec.adoption import Adopter
from weaselish.engine.exec.document import JobDocument
from weaselish.engine.exec.heartbeat import beating
from weaselish.engine.exec.names import alive_key, job_url
from weaselish.engine.exec.roles import RolesAdopter
from weaselish.engine.exec.sending import Sender
from weaselish.engine.exec.undeclared import Tail, undeclared_hint
from weaselish.engine.remote.resolve import OpenStore, find_remote, open_tree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.errors import ProjError, StoreError
from weaselish.executors.base import (
    DurableExecutor,
    Ending,
    Executor,
    ExecutorSource,
    Job,
    JobOutput,
    JobSource,
    JobState,
    Line,
    Outcome,
    Refusal,
    ignore_handle,
)
from weaselish.files.home import put_home
from weaselish.model.executors import Queue
from weaselish.model.paths import PathIndex, dep_base, is_outside
from weaselish.model.project import Command, Remote
from weaselish.workspace import Workspace

_PROGRAM = "proj"


class Carrier:
    """What travels through one remote. Its store is opened when the first job needs it. Thread-safe."""

    def __init__(self, workspace: Workspace, remote: Remote, open_store: OpenStore, report: SerialReporter) -> None:
        self.workspace = workspace
        self.remote = remote
        self.tree = open_tree(workspace, remote, open_store)
        self._report = report
        self.sender = Sender(workspace, self.tree, report)
        self.adopter = Adopter(workspace, self.tree, report)

    def of_roles(self, job: Job) -> RolesAdopter:
        return RolesAdopter(self.workspace, self.tree, self._report, self.sender.provenance, job)

    def close(self) -> None:
        self.adopter.close()
        self.tree.close()


class Transported:
    """Runs jobs by another executor, `inner`, which starts the line `proj exec JOB` in an empty directory.

    A handle consists of the name of the job on the remote and, after a blank, the handle of `inner`.
    """

    def __init__(self, name: str, inner: Executor, carrier: Carrier) -> None:
        self._name = name
        self._inner = inner
        self._carrier = carrier

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        roles = self._carrier.of_roles(job) if job.roles else None
        name, document = self._carrier.sender.send(job, self._name)
        submitted(f"{name} ")
        tail = Tail(output)
        with beating(self._carrier.tree.store, alive_key(name, "driver")):
            try:
                outcome = self._inner.run(
                    self._line(job, name, document),
                    output=tail,
                    cancel=cancel,
                    keep_open=keep_open,
                    submitted=lambda handle: submitted(f"{name} {handle}"),
                )
            except ProjError:
                self._carrier.adopter.remove(name)
                raise
        if roles is None:
            return self._adopted(job, name, outcome, tail)
        return self._adopted_roles(job, name, outcome, tail, roles) or outcome

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        name, _, inner = handle.partition(" ")
        tail = Tail(output)
        outcome = None
        if inner and isinstance(self._inner, DurableExecutor):
            outcome = self._inner.attach(job, inner, output=tail, cancel=cancel)
        if job.roles:
            return self._adopted_roles(job, name, outcome, tail, self._carrier.of_roles(job))
        if outcome is None:
            result = self._carrier.adopter.result(name)
            if result is None or result.run is None:
                self._carrier.adopter.remove(name)
                return None
            outcome = result.outcome
        return self._adopted(job, name, outcome, tail)

    def stop(self, handle: str) -> None:
        name, _, inner = handle.partition(" ")
        if inner and isinstance(self._inner, DurableExecutor):
            self._inner.stop(inner)
        self._carrier.adopter.remove(name)

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        inner = {handle: handle.partition(" ")[2] for handle in handles}
        states: Mapping[str, JobState] = {}
        if isinstance(self._inner, DurableExecutor):
            states = self._inner.states([handle for handle in inner.values() if handle])
        return {handle: states.get(inner[handle], JobState.GONE) for handle in handles}

    def refusal(self, command: Command) -> Refusal | None:
        if command.interactive:
            return Refusal(f"is interactive, and the executor `{self._name}` has no terminal", "run it on `local`")
        outside = [path for path in (*map(dep_base, command.deps), *command.all_outputs) if is_outside(path)]
        if outside:
            return Refusal(
                f"names `{outside[0]}`, which is outside the project: only what is inside travels to `{self._name}`",
                "move it into the project, or run the command on an executor that sees it",
            )
        if command.roles and (both := _overlaps(command)):
            return Refusal(
                f"has roles and reads `{both}`, which it also writes: its replicas on `{self._name}` share no files",
                "let another command produce it, or run the command on `local`, in containers or on Slurm",
            )
        if self._carrier.remote.read_only:
            return Refusal(
                f"runs on `{self._name}`, whose remote `{self._carrier.remote.name}` is read-only", "name another"
            )
        return self._inner.refusal(command)

    def close(self) -> None:
        self._inner.close()

    def _line(self, job: Job, name: str, document: JobDocument) -> Job:
        """Return the job that `inner` runs: one line, with the values that the document does not hold."""
        workspace = self._carrier.workspace
        url = job_url(self._carrier.remote, workspace.root, name)
        values = {name: workspace.env(reference) for reference, name in document.references.items()}
        own = {name: job.env[name] for name in document.secrets}
        declared = dict(document.command.env)  # `proj exec` computes their values again
        given = {name: value for name, value in job.env.items() if name not in declared}
        env = {**given, **{name: value for name, value in values.items() if value is not None}, **own}
        secret = job.secrets | frozenset(document.references.values())
        own_secrets = {name for names in document.role_secrets.values() for name in names}
        secrets = (frozenset(env) | own_secrets) & secret
        sources = tuple(_at_its_place(source, workspace.root) for source in job.sources)
        plain = job._replace(shell=None, workdir=".", env=env, secrets=secrets, sources=sources)
        if not job.roles:
            return plain._replace(lines=(_own_line("exec", url),), timeout=None)
        roles = tuple(
            role._replace(
                lines=(_own_line("exec", url, "--role", role.name),),
                env={name: role.env[name] for name in document.role_secrets.get(role.name, ())},
            )
            for role in job.roles
        )
        return plain._replace(lines=(), roles=roles)  # the timeout is for all replicas together

    def _adopted_roles(
        self, job: Job, name: str, outcome: Outcome | None, tail: Tail, roles: RolesAdopter
    ) -> Outcome | None:
        """Return how a job with roles ended, by the results of its replicas. None: it left none."""
        if outcome is not None and outcome.ended is Ending.INTERRUPTED:
            return outcome._replace(executor=self._name)
        try:
            ended = roles.adopted(name, outcome)
        except ProjError as error:
            self._carrier.adopter.remove(name)
            return Outcome(Ending.NOT_STARTED, 1, message=error.message, hint=error.hint, executor=self._name)
        if ended is None:
            return None
        hint = ended.hint
        if not ended.succeeded and job.command is not None and (of := tail.replicas.get(ended.replica or "")):
            hint = undeclared_hint(self._carrier.workspace, job.command, self._name, ended, of.data) or hint
        return ended._replace(executor=self._name, hint=hint)

    def _adopted(self, job: Job, name: str, outcome: Outcome, tail: Tail) -> Outcome:
        """Return how the job ended by its result on the remote, which knows more than the executor."""
        if outcome.ended is Ending.INTERRUPTED:
            return outcome._replace(executor=self._name)
        result = self._carrier.adopter.result(name)
        if result is None and outcome.succeeded:
            raise StoreError(
                f"`{job.name}` ended on `{self._name}`, but left no result on `{self._carrier.remote.name}`"
            )
        if result is None or (result.run is None and outcome.succeeded):
            return outcome._replace(executor=self._name, line=None)
        leaves_outputs = job.left_on == self._carrier.remote.name
        ended = self._carrier.adopter.adopt(job, name, result, leaves_outputs=leaves_outputs)
        hint = ended.hint
        if ended.record is None and job.command is not None:
            hint = undeclared_hint(self._carrier.workspace, job.command, self._name, ended, tail.data) or hint
        return ended._replace(
            executor=self._name,
            hint=hint,
            attempt=outcome.attempt,
            is_limited=ended.is_limited or outcome.is_limited,
            image=outcome.image,
        )


def _at_its_place(source: JobSource, root: Path) -> JobSource:
    """Return a mounted source with its absolute path on this machine: it is not relative to where the job runs."""
    if source.mount is None:
        return source
    place = os.path.normpath(root / (source.mount.path or source.dest))
    return source._replace(mount=source.mount._replace(path=place))


def _own_line(*words: str) -> Line:
    text = " ".join((_PROGRAM, *words))
    return Line((_PROGRAM, *words), announced=text, logged=text)


def _overlaps(command: Command) -> str | None:
    """Return a dep that is also an output, in one or around one."""
    outputs = PathIndex(command.all_outputs)
    return next((dep for dep in command.deps if outputs.overlapping(dep_base(dep))), None)


class TransportSource:
    """The executors of a run, those that do not see the project behind a remote. Thread-safe."""

    def __init__(
        self, executors: ExecutorSource, workspace: Workspace, open_store: OpenStore, report: SerialReporter
    ) -> None:
        self._executors = executors
        self._workspace = workspace
        self._open_store = open_store
        self._report = report
        self._lock = threading.Lock()
        self._carriers: dict[str, Carrier] = {}

    def executor_for(self, command: Command) -> Executor:
        return self._wrapped(self._executors.name_for(command), self._executors.executor_for(command))

    def name_for(self, command: Command) -> str:
        return self._executors.name_for(command)

    def named(self, name: str) -> Executor | None:
        executor = self._executors.named(name)
        return None if executor is None else self._wrapped(name, executor)

    def queue_for(self, command: Command) -> Queue | None:
        return self._executors.queue_for(command)

    def share_terminal(self) -> None:
        self._executors.share_terminal()

    def remote_of(self, name: str) -> str | None:
        return self._executors.remote_of(name)

    def close(self) -> None:
        """Close the stores of the remotes. The executors stay open."""
        for carrier in self._carriers.values():
            carrier.close()

    def _wrapped(self, name: str, executor: Executor) -> Executor:
        remote = self._executors.remote_of(name)
        return executor if remote is None else Transported(name, executor, self._carrier(name, remote))

    def _carrier(self, executor: str, remote: str) -> Carrier:
        with self._lock:
            if remote not in self._carriers:
                self._carriers[remote] = Carrier(
                    self._workspace, self._remote(executor, remote), self._open_store, self._report
                )
            return self._carriers[remote]

    def _remote(self, executor: str, name: str) -> Remote:
        try:
            found = find_remote(self._workspace, name)
        except ProjError as error:
            message = f"the executor `{executor}` needs the remote `{name}` for its files: {error.message}"
            raise ProjError(message, hint=error.hint) from None
        if "://" not in found.url:
            found = found._replace(url=str(self._workspace.root / put_home(found.url)))
        return found

"""The artifacts that a user names, and the opened stores of their remotes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from weaselish.cancel import Cancel
from weaselish.engine.remote.resolve import OpenStore, find_remote
from weaselish.engine.workers import Workers
from weaselish.errors import InvalidProject, ProjError, StoreError, UnknownName, UsageError
from weaselish.model.artifacts import ALL, Artifact
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """What became of one artifact of several: a result or an error."""

    artifact: Artifact
    result: T | None
    error: ProjError | None = None

    def get(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


class Stores:
    """Opens the stores of a workspace's remotes, each once. Thread-safe. For a `with` block, which closes them."""

    def __init__(self, workspace: Workspace, open_store: OpenStore) -> None:
        self._workspace = workspace
        self._open_store = open_store
        self._opened: dict[str, Store] = {}
        self._lock = Lock()  # guards the stores

    def __enter__(self) -> Stores:
        return self

    def __exit__(self, *_: object) -> None:
        for store in self._opened.values():
            store.close()

    def of(self, artifact: Artifact) -> Store:
        """Return the store of an artifact's remote. Raises UnknownName, InvalidProject and StoreError."""
        with self._lock:
            if artifact.remote not in self._opened:
                self._opened[artifact.remote] = self._open_store(self.remote(artifact))
            return self._opened[artifact.remote]

    def remote(self, artifact: Artifact) -> Remote:
        return find_remote(self._workspace, artifact.remote)

    def writable(self, artifact: Artifact) -> Store:
        """Return the store of an artifact's remote. Raises StoreError if the remote is read-only."""
        if self.remote(artifact).read_only:
            hint = "remove `read_only: true` to push to it"
            raise StoreError(f"remote `{artifact.remote}` is read-only", hint=hint)
        return self.of(artifact)


def named_artifacts(workspace: Workspace, name: str) -> tuple[Artifact, ...]:
    """Return the artifact of that name; for `ALL` those that the project publishes.

    Raises UnknownName, UsageError and InvalidProject.
    """
    artifacts = workspace.project.artifacts
    if name == ALL:
        own = tuple(one for one in artifacts.values() if not one.is_imported)
        if not own:
            raise UsageError("project.yml has no artifacts", hint="define them: `artifacts: {model: {path: …}}`")
        return own
    return (named_artifact(workspace, name),)


def named_artifact(workspace: Workspace, name: str) -> Artifact:
    """Return the artifact of that name. Raises UnknownName and InvalidProject."""
    artifacts = workspace.project.artifacts
    if problems := workspace.project.faults_in("artifacts", name):
        raise InvalidProject(problems)
    if name not in artifacts:
        hint = None if artifacts else "define it in project.yml: `artifacts: {NAME: {path: …}}`"
        raise UnknownName("artifact", name, artifacts, hint=hint)
    return artifacts[name]


def for_each(
    artifacts: Sequence[Artifact], act: Callable[[Artifact], T], *, jobs: int, cancel: Cancel
) -> tuple[Outcome[T], ...]:
    """Call `act` for each artifact, `jobs` at a time. An error of one does not keep the others from going on."""

    def attempt(artifact: Artifact) -> Outcome[T]:
        try:
            return Outcome(artifact, act(artifact))
        except ProjError as error:
            return Outcome(artifact, None, error)

    ended: dict[str, Outcome[T]] = {}
    with Workers[Outcome[T]](min(jobs, len(artifacts)), cancel) as workers:
        for artifact in artifacts:
            workers.start(lambda artifact=artifact: attempt(artifact))  # type: ignore[misc]
        while workers.running:
            outcome = workers.wait()
            ended[outcome.artifact.name] = outcome
    return tuple(ended[artifact.name] for artifact in artifacts)

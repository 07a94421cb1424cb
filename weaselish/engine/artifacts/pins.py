"""The pinned versions of a project's imported artifacts: what should be at their paths, and what a run used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weaselish.model.artifacts import Artifact
from weaselish.model.project import Command
from weaselish.plan.digests import Algorithm, algorithm_of
from weaselish.plan.producers import reads
from weaselish.plan.record import ARTIFACTS, Record
from weaselish.records.pins import Pin
from weaselish.workspace import Workspace


def imported(workspace: Workspace) -> dict[str, Artifact]:
    """Return the usable imported artifacts by path."""
    project = workspace.project
    found = [one for one in project.artifacts.values() if one.is_imported]
    return {one.path: one for one in found if not project.faults_in("artifacts", one.name)}


def read_by(workspace: Workspace, commands: Iterable[Command]) -> tuple[Artifact, ...]:
    """Return the imported artifacts that the commands read."""
    artifacts = imported(workspace)
    if not artifacts:
        return ()
    deps = {dep for command in commands for dep in command.deps}
    return tuple(one for path, one in artifacts.items() if any(reads(dep, path) for dep in deps))


def pin_of(workspace: Workspace, artifact: Artifact) -> Pin | None:
    """Return the pin of an artifact, None if it was made for another range."""
    pin = workspace.records.pins.get(artifact.name)
    return pin if pin is not None and pin.range == artifact.range else None


def is_in_place(workspace: Workspace, artifact: Artifact, pin: Pin) -> bool:
    """Return whether the artifact's path has the content of its pin."""
    digests = workspace.digests_with(algorithm_of(pin.digest))
    return digests.digest(artifact.path, "output") == pin.digest


def expected_digests(workspace: Workspace, command: Command, algorithm: Algorithm) -> Mapping[str, str]:
    """Return the digests that deps of a command will have once its imported artifacts are in place, by path.

    Only those that are not in place now, and only deps that are the artifact itself.
    """
    pins = [(one.path, pin_of(workspace, one), one) for one in read_by(workspace, (command,))]
    return {
        path: pin.digest
        for path, pin, artifact in pins
        if pin is not None
        and path in command.deps
        and algorithm_of(pin.digest) == algorithm
        and not is_in_place(workspace, artifact, pin)
    }


def notes_of(workspace: Workspace, commands: Iterable[Command]) -> Iterator[str]:
    """Yield what a run will do with the imported artifacts that commands read, apart from fetching missing ones."""
    for artifact in read_by(workspace, commands):
        pin = workspace.records.pins.get(artifact.name)
        if pin is None:
            continue
        if pin.range != artifact.range:
            yield f"artifact `{artifact.name}` is pinned for `{pin.range}`: a run looks for `{artifact.range}`"
        elif workspace.exists(artifact.path) and not is_in_place(workspace, artifact, pin):
            yield f"`{artifact.path}` is not `{artifact.name}` {pin.version}: a run replaces it, if it is on the remote"


def versions_read(workspace: Workspace, command: Command) -> dict[str, object]:
    """Return the further key of a record that says which versions of imported artifacts a run reads."""
    pins = {one.path: pin_of(workspace, one) for one in read_by(workspace, (command,))}
    versions = {path: pin.version for path, pin in pins.items() if pin is not None}
    return {ARTIFACTS: versions} if versions else {}


def change_of_version(workspace: Workspace, path: str, last: Record) -> str | None:
    """Say how the version of an imported artifact at `path` changed since a run; None if there is none."""
    artifact = imported(workspace).get(path)
    pin = pin_of(workspace, artifact) if artifact else None
    if artifact is None or pin is None:
        return None
    versions = last.extra.get(ARTIFACTS)
    then = versions.get(path) if isinstance(versions, Mapping) else None
    if then == pin.version:
        return f"artifact `{artifact.name}` {pin.version} has other content"
    return f"artifact `{artifact.name}` {f'{then} → ' if then else 'is now '}{pin.version}"

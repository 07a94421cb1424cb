"""The artifacts of a project with their versions, and where a version comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.errors import UnknownName
from weaselish.plan.record import Record
from weaselish.serve.views.lineage import Ancestor, ancestors
from weaselish.serve.views.readings import Reading, ReadState, state_of
from weaselish.serve.views.sources import Source

if TYPE_CHECKING:
    from weaselish.engine.artifacts.facts import Shown
    from weaselish.engine.artifacts.listing import Listed
    from weaselish.engine.artifacts.manifest import RunReference


@dataclass(frozen=True, slots=True)
class VersionItem:
    """A version of an artifact. `yanked`: why it was withdrawn, None if it was not."""

    version: str | None
    size: int | None
    pushed: str
    aliases: tuple[str, ...]
    yanked: str | None
    command: str | None
    run: int | None
    description: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class ArtifactItem:
    """An artifact and its versions, the highest first."""

    name: str
    path: str
    remote: str
    range: str | None
    description: str
    state: ReadState
    versions: tuple[VersionItem, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version: what it is, the run that produced it, and the data that this run read."""

    artifact: str
    state: ReadState
    version: str | None
    file: str | None
    size: int | None
    sha256: str | None
    pushed: str
    host: str
    commit: str | None
    tool: str
    description: str
    aliases: tuple[str, ...]
    yanked: str | None
    command: str | None
    run: int | None
    script: tuple[str, ...]
    ancestors: tuple[Ancestor, ...]
    checks: tuple[dict[str, str], ...]


def list_artifacts(source: Source) -> tuple[ArtifactItem, ...]:
    """Return the artifacts of project.yml with their versions. Raises ProjError if project.yml cannot be used."""
    return tuple(
        _artifact(source, artifact.name, artifact.path, artifact.remote, artifact.range)
        for artifact in source.project.artifacts.declared
    )


def read_artifact_again(source: Source, name: str) -> None:
    """Begin to read the versions of an artifact again. Raises UnknownName."""
    names = [artifact.name for artifact in source.project.artifacts.declared]
    if name not in names:
        raise UnknownName("artifact", name, names)
    source.readings.again(("artifact", source.name, name), _versions_reader(source, name))


def _versions_reader(source: Source, name: str) -> Callable[[Cancel], tuple[Listed, ...]]:
    return lambda cancel: source.project.artifacts.list(name, cancel=cancel)


def _artifact(source: Source, name: str, path: str, remote: str, wanted: str | None) -> ArtifactItem:
    reading = source.readings.last(("artifact", source.name, name), _versions_reader(source, name))
    versions = tuple(map(_version, reading.value or ()))
    description = next((one.description for one in versions if one.description), "")
    return ArtifactItem(name, path, remote, wanted, description, state_of(reading), versions)


def _version(listed: Listed) -> VersionItem:
    manifest = listed.manifest
    run = manifest.record if manifest else None
    return VersionItem(
        listed.version,
        listed.size,
        manifest.pushed if manifest else "",
        listed.aliases,
        listed.yanked,
        run.command if run else None,
        run.run if run else None,
        manifest.description if manifest else "",
        listed.problem,
    )


def show_version(source: Source, name: str, version: str) -> VersionView:
    """Return one version with its provenance. Raises UnknownName."""
    names = [artifact.name for artifact in source.project.artifacts.declared]
    if name not in names:
        raise UnknownName("artifact", name, names)
    reading = source.readings.last(
        ("version", source.name, name, version),
        lambda cancel: source.project.artifacts.show(name, version, cancel=cancel),
    )
    return _version_view(source, name, version, reading)


def _version_view(source: Source, name: str, version: str, reading: Reading[Shown]) -> VersionView:
    shown = reading.value
    manifest = shown.version.manifest if shown else None
    run = manifest.record if manifest else None
    record = (shown.record if shown else None) or _local_record(source, run)
    git = manifest.git if manifest else None
    return VersionView(
        name,
        state_of(reading),
        version,
        shown.version.file if shown else None,
        shown.version.size if shown else None,
        manifest.sha256 if manifest else None,
        manifest.pushed if manifest else "",
        manifest.host if manifest else "",
        str(git["commit"]) if git and git.get("commit") else None,
        manifest.tool if manifest else "",
        manifest.description if manifest else "",
        shown.aliases if shown else (),
        shown.yanked if shown else None,
        run.command if run else None,
        run.run if run else None,
        source.shown_script(record.command, record.fingerprint.script) if record else (),
        _lineage(source, record),
        tuple({key: str(value) for key, value in check.items()} for check in shown.checks) if shown else (),
    )


def _local_record(source: Source, run: RunReference | None) -> Record | None:
    """Return the record that a manifest names, if the run is one of this directory and was never pushed."""
    found = source.history.find(run.run) if run else ()
    records = (one.record for one in found if one.record is not None)
    named = (run.command, run.key) if run else None
    return next((one for one in records if (one.command, one.fingerprint.key) == named), None)


def _lineage(source: Source, record: Record | None) -> tuple[Ancestor, ...]:
    return ancestors(source, record) if record else ()

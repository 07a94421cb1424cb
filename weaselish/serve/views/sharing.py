"""What remotes hold: outputs, artifacts, snapshots. Each remote is read in the background, and again when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weaselish.cancel import Cancel
from weaselish.errors import UnknownName
from weaselish.plan.record import Record
from weaselish.serve.views.lineage import Ancestor, ancestors
from weaselish.serve.views.readings import Reading
from weaselish.serve.views.sources import Source

if TYPE_CHECKING:
    from weaselish.engine.artifacts.facts import Shown
    from weaselish.engine.artifacts.listing import Listed
    from weaselish.engine.gc.collect import Collected
    from weaselish.engine.remote.listing import RemoteRun
    from weaselish.engine.snapshot.listing import ListedSnapshot
    from weaselish.plan.snapshot import Snapshot

MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class ReadState:
    """When something was read last, and whether that failed. `taken` in seconds since 1970."""

    taken: float | None
    is_running: bool
    problem: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class RemoteRunItem:
    """A run on a remote. `size`: bytes of content; `stored`: of the archives. `published` in seconds since 1970."""

    command: str
    run: int
    published: float
    host: str
    commit: str | None
    outputs: tuple[str, ...]
    size: int
    stored: int


@dataclass(frozen=True, slots=True)
class GcItem:
    """What gc would do without a policy: bytes in all, that it would free, and that become free later."""

    total: int
    freed: int
    waiting: int
    kept: dict[str, int]  # why runs stay -> how many


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """A remote and what it holds. `count`: of all runs; `runs` has the newest of them."""

    name: str
    url: str
    read_only: bool
    state: ReadState
    count: int
    size: int
    stored: int
    runs: tuple[RemoteRunItem, ...]
    gc: GcItem | None


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


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    """A snapshot. `problem`: why it is damaged."""

    id: str
    project: str
    stored: float
    message: str
    host: str
    commit: str | None
    files: int
    bytes: int
    runs: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class SnapshotsView:
    """The snapshots of a project, the newest first."""

    state: ReadState
    snapshots: tuple[SnapshotItem, ...]


@dataclass(frozen=True)
class _RemoteContent:
    runs: tuple[RemoteRun, ...]
    gc: Collected | None


def state_of(reading: Reading[Any]) -> ReadState:
    """Return when and how a reading ended."""
    return ReadState(reading.taken, reading.is_running, reading.problem, reading.hint)


# -- remotes ----------------------------------------------------------------------------------------------------------


def list_remotes(source: Source) -> tuple[RemoteItem, ...]:
    """Return the remotes of project.yml with what they hold. Raises ProjError if project.yml cannot be used."""
    return tuple(
        _remote(remote.name, remote.url, remote.read_only, _remote_reading(source, remote.name))
        for remote in source.project.remotes
    )


def read_remote_again(source: Source, name: str) -> None:
    """Begin to read a remote of project.yml again. Raises UnknownName."""
    names = [remote.name for remote in source.project.remotes]
    if name not in names:
        raise UnknownName("remote", name, names)
    source.readings.again(("remote", source.name, name), _remote_reader(source, name))


def _remote_reading(source: Source, name: str) -> Reading[_RemoteContent]:
    return source.readings.last(("remote", source.name, name), _remote_reader(source, name))


def _remote_reader(source: Source, name: str) -> Callable[[Cancel], _RemoteContent]:
    def read(cancel: Cancel) -> _RemoteContent:
        from weaselish.engine.gc.collect import GcOptions
        from weaselish.errors import ProjError

        runs = source.project.ls(name, cancel=cancel)
        try:
            foreseen = source.project.gc(name, options=GcOptions(dry=True), cancel=cancel)
        except ProjError:  # a remote that cannot be collected can still be shown
            foreseen = None
        return _RemoteContent(runs, foreseen)

    return read


def _remote(name: str, url: str, read_only: bool, reading: Reading[_RemoteContent]) -> RemoteItem:
    runs = reading.value.runs if reading.value else ()
    items = [_remote_run(run) for run in sorted(runs, key=lambda run: -run.published)]
    foreseen = reading.value.gc if reading.value else None
    return RemoteItem(
        name,
        url,
        read_only,
        state_of(reading),
        len(items),
        sum(item.size for item in items),
        sum(item.stored for item in items),
        tuple(items[:MOST_LISTED]),
        _gc(foreseen) if foreseen else None,
    )


def _remote_run(run: RemoteRun) -> RemoteRunItem:
    return RemoteRunItem(
        run.command,
        run.run,
        run.published,
        run.host,
        run.git.commit if run.git else None,
        tuple(output.path for output in run.outputs),
        sum(output.size or 0 for output in run.outputs),
        sum(output.stored for output in run.outputs),
    )


def _gc(found: Collected) -> GcItem:
    kept = {why.value: runs.runs for why, runs in found.choice.kept.items() if runs.runs}
    return GcItem(found.total, found.freed, found.orphaned + found.waiting, kept)


# -- artifacts --------------------------------------------------------------------------------------------------------


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
    record = shown.record if shown else None
    run = manifest.record if manifest else None
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


def _lineage(source: Source, record: Record | None) -> tuple[Ancestor, ...]:
    return ancestors(source, record) if record else ()


# -- snapshots --------------------------------------------------------------------------------------------------------


def list_snapshots(source: Source) -> SnapshotsView:
    """Return the snapshots of the project on the remote that they went to last."""
    reading = source.readings.last(("snapshots", source.name), _snapshots_reader(source))
    return SnapshotsView(state_of(reading), tuple(_snapshot(one) for one in (reading.value or ())[:MOST_LISTED]))


def read_snapshots_again(source: Source) -> None:
    """Begin to list the snapshots again."""
    source.readings.again(("snapshots", source.name), _snapshots_reader(source))


def _snapshots_reader(source: Source) -> Callable[[Cancel], tuple[ListedSnapshot, ...]]:
    return lambda cancel: tuple(source.project.snapshots.list(cancel=cancel))


def _snapshot(listed: ListedSnapshot) -> SnapshotItem:
    found: Snapshot | None = listed.snapshot
    return SnapshotItem(
        listed.id,
        listed.project,
        listed.stored,
        found.message if found else "",
        found.host if found else "",
        found.git.commit if found and found.git else None,
        found.files if found else 0,
        found.bytes if found else 0,
        len(found.runs) if found else 0,
        listed.problem,
    )

"""The use-cases push and pull: one artifact, or all that the project publishes, several at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from weaselish.engine import events
from weaselish.engine.artifacts.aliases import check_alias, put_alias
from weaselish.engine.artifacts.catalogue import Version, find, select
from weaselish.engine.artifacts.names import Names, names_of
from weaselish.engine.artifacts.project_version import project_version
from weaselish.engine.artifacts.pull import Pulled, Puller, PullOptions
from weaselish.engine.artifacts.push import Publisher, Pushed, PushOptions
from weaselish.engine.artifacts.stores import Outcome, Stores, for_each, named_artifact, named_artifacts
from weaselish.engine.reading_events import ReadingEvents
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import run_aside
from weaselish.errors import ProjError, UsageError
from weaselish.model.artifacts import Artifact
from weaselish.model.versions import Selector, SelectorKind, parse_selector, version_problem
from weaselish.workspace import Workspace

_GRACE = 0.8  # seconds to unwind after Ctrl-C

T = TypeVar("T")


def push_artifacts(
    workspace: Workspace,
    name: str,
    options: PushOptions,
    *,
    jobs: int,
    open_store: OpenStore,
    report: events.Reporter,
) -> tuple[Outcome[Pushed], ...]:
    """Publish an artifact, or `ALL`. Raises ProjError for what concerns all of them."""
    artifacts = named_artifacts(workspace, name)
    if artifacts[0].is_imported:
        message = f"artifact `{name}` is imported: another project publishes it"
        raise UsageError(message, hint="remove its `version:` to publish it from this project")
    version = _version_to_push(workspace, artifacts, options)
    if options.alias is not None:
        check_alias(options.alias)
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    with Stores(workspace, open_store) as stores:

        def push(artifact: Artifact) -> Pushed:
            store = stores.writable(artifact)
            pushed = Publisher(workspace, store, options, serial).push(artifact, version)
            if options.alias is not None and pushed.version is not None:
                put_alias(store, names_of(artifact, options.prefix), pushed.version, options.alias)
            return pushed

        return _aside(workspace, lambda: for_each(artifacts, push, jobs=jobs, cancel=workspace.cancel))


def _version_to_push(workspace: Workspace, artifacts: tuple[Artifact, ...], options: PushOptions) -> str | None:
    if options.version is None:
        return None if all(artifact.singular for artifact in artifacts) else project_version(workspace)
    if problem := version_problem(options.version):
        raise UsageError(problem[0], hint=problem[1])
    return options.version


def pull_artifacts(
    workspace: Workspace,
    name: str,
    wanted: str,
    options: PullOptions,
    *,
    jobs: int,
    open_store: OpenStore,
    report: events.Reporter,
) -> tuple[Outcome[Pulled], ...]:
    """Download a version of an artifact, or of `ALL`. Raises ProjError for what concerns all of them."""
    artifacts = named_artifacts(workspace, name)
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)
    with Stores(workspace, open_store) as stores:

        def pull_all() -> tuple[Outcome[Pulled], ...]:
            serial(events.Preparing("looking for versions"))
            found = _found(workspace, stores, artifacts, parse_selector(wanted), options.prefix)

            def pull(artifact: Artifact) -> Pulled:
                version = found[artifact.name].get()
                return Puller(workspace, stores.of(artifact), serial).pull(artifact, version, options)

            return for_each(artifacts, pull, jobs=jobs, cancel=workspace.cancel)

        return _aside(workspace, pull_all)


def load_artifact(
    workspace: Workspace,
    name: str,
    wanted: str,
    load: Callable[[bytes], T],
    *,
    prefix: str,
    open_store: OpenStore,
    report: events.Reporter,
) -> T:
    """Return what `load` makes of the verified bytes of a version, which reach no file of the project."""
    artifact = named_artifact(workspace, name)
    with Stores(workspace, open_store) as stores, TemporaryDirectory(prefix="proj-artifact-") as place:

        def read() -> bytes:
            outcome = _found(workspace, stores, (artifact,), parse_selector(wanted), prefix)[name]
            puller = Puller(workspace, stores.of(artifact), report)
            return puller.fetch(artifact, outcome.get(), Path(place), unpacks=False)[0].read_bytes()

        return load(_aside(workspace, read))


def _found(
    workspace: Workspace, stores: Stores, artifacts: tuple[Artifact, ...], selector: Selector, prefix: str
) -> dict[str, Outcome[Version]]:
    """Return the version of each artifact that the selector takes. Each remote is listed at most once."""
    project = project_version(workspace) if selector.kind is SelectorKind.LATEST else None
    found: dict[str, Outcome[Version]] = {}
    for remote in dict.fromkeys(artifact.remote for artifact in artifacts):
        group = [artifact for artifact in artifacts if artifact.remote == remote]
        try:
            store = stores.of(group[0])
            requests = [(names_of(artifact, prefix), selector) for artifact in group if not artifact.singular]
            chosen = select(store, requests, project, workspace.cancel)
        except ProjError as error:
            found |= {artifact.name: Outcome(artifact, None, error) for artifact in group}
            continue
        for artifact in group:
            names = names_of(artifact, prefix)
            found[artifact.name] = _outcome(workspace, stores, artifact, names, chosen.get(names))
    return found


def _outcome(
    workspace: Workspace, stores: Stores, artifact: Artifact, names: Names, chosen: str | ProjError | None
) -> Outcome[Version]:
    if isinstance(chosen, ProjError):
        return Outcome(artifact, None, chosen)
    try:
        return Outcome(artifact, find(stores.of(artifact), names, chosen, workspace.cancel))
    except ProjError as error:
        return Outcome(artifact, None, error)


def find_version(
    workspace: Workspace, stores: Stores, artifact: Artifact, selector: Selector, prefix: str = ""
) -> Version:
    """Return the version of one artifact that a selector takes. Raises NoSuchVersion and StoreError."""
    return _found(workspace, stores, (artifact,), selector, prefix)[artifact.name].get()


def _aside(workspace: Workspace, call: Callable[[], T]) -> T:
    return run_aside(call, workspace.cancel, grace=_GRACE)

"""Lists the runs that a remote holds, for `proj ls`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from weaselish.engine.remote.published import Published
from weaselish.engine.remote.resolve import OpenStore, open_tree
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.workers import run_aside
from weaselish.model.project import Remote
from weaselish.plan.record import NO_REPOSITORY, GitCommit
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RemoteOutput:
    """An output of a published run. `size` is bytes of content, `stored` those of the archive."""

    path: str
    digest: str
    size: int | None
    stored: int


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A published run. `published`: seconds since 1970 by the store's clock. The texts come from its record."""

    command: str
    run: int
    key: str
    published: float
    host: str
    git: GitCommit | None
    outputs: tuple[RemoteOutput, ...]


def list_runs(workspace: Workspace, remote: Remote, *, open_store: OpenStore) -> tuple[RemoteRun, ...]:
    """Return the runs on a remote by command, the newest first."""
    tree = open_tree(workspace, remote, open_store)
    return run_aside(lambda: _list_runs(tree), workspace.cancel)


def _list_runs(tree: RemoteTree) -> tuple[RemoteRun, ...]:
    with closing(tree):
        published = sorted(tree.all_published(), key=lambda pair: (pair[1].record.command, -pair[0].modified))
    return tuple(_remote_run(stored, run) for stored, run in published)


def _remote_run(stored: Stored, run: Published) -> RemoteRun:
    record = run.record
    git = record.provenance.git if record.provenance else None
    return RemoteRun(
        record.command,
        record.run,
        record.fingerprint.key,
        stored.modified,
        _host(run),
        None if git == NO_REPOSITORY else git,
        tuple(
            RemoteOutput(output.path, output.digest, output.size, run.objects[output.path][1])
            for output in record.outputs
        ),
    )


def _host(run: Published) -> str:
    host = run.record.provenance.host if run.record.provenance else None
    return run.record.origin.value if host is None else host.name or "?"

"""snapshot push: stores what is new of a project, then the snapshot that names everything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

from weaselish import __version__
from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.engine.reading_events import Activity, ReadingEvents
from weaselish.engine.remote.published import Published, record_key
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.run.provenance import ProvenanceSource
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.collect import Collected, LocalFile, collect
from weaselish.engine.snapshot.left_out import LeftOut
from weaselish.engine.snapshot.local_files import LocalFiles
from weaselish.engine.snapshot.markers import PENDING, Marker, marked, wait_for_prunes
from weaselish.engine.snapshot.opened import Opened, opened, project_name, remember_remote, remote_for, stores_in
from weaselish.engine.snapshot.pushed import SnapshotPushed, SnapshotPushOptions
from weaselish.engine.snapshot.references import references
from weaselish.engine.snapshot.sha256_cache import Sha256Cache
from weaselish.engine.snapshot.stored import snapshot_key
from weaselish.engine.snapshot.tree import TreeWriter
from weaselish.engine.snapshot.upload import Uploader
from weaselish.engine.workers import run_aside
from weaselish.errors import ProjError, StoreError, in_short
from weaselish.files.state_dir import cache_dir
from weaselish.model.project import Remote
from weaselish.plan.record import NO_REPOSITORY
from weaselish.plan.snapshot import Content, Snapshot, SnapshotGit, new_snapshot_id, snapshot_bytes
from weaselish.plan.snapshot_entries import Entry, FileEntry, OutputEntry, entries_bytes
from weaselish.records.lockfile import FILE as LOCK_FILE
from weaselish.workspace import Workspace

_GRACE = 0.8  # seconds to unwind after Ctrl-C; more than an upload gets
_ATTEMPTS = 3  # at storing what was removed while it was needed


def push_snapshot(
    workspace: Workspace,
    remote_name: str | None,
    options: SnapshotPushOptions,
    *,
    open_store: OpenStore,
    report: events.Reporter,
) -> SnapshotPushed:
    """Store a snapshot of the project. Raises ProjError, with all files that cannot be read together."""
    remote = remote_for(workspace, remote_name)
    project = project_name(workspace, options.project)
    if remote.read_only and not options.dry:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to push to it")
    if not options.dry:
        workspace.prepare_to_change()
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)

    def push() -> SnapshotPushed:
        with opened(workspace, remote, open_store) as remote_side:
            return _Push(workspace, remote_side, project, remote, options, serial).run()

    pushed = run_aside(push, workspace.cancel, grace=_GRACE)
    if not options.dry:
        remember_remote(workspace.root, remote_name, remote)
    return pushed


class _Push:
    def __init__(
        self,
        workspace: Workspace,
        opened_remote: Opened,
        project: str,
        remote: Remote,
        options: SnapshotPushOptions,
        report: SerialReporter,
    ) -> None:
        self._workspace = workspace
        self._remote = opened_remote
        self._project = project
        self._remote_name = remote.name
        self._options = options
        self._report = report
        self._provenance = ProvenanceSource(workspace.root)
        self._left_out = LeftOut(
            workspace.root, include_secrets=options.include_secrets, stores=stores_in(workspace, remote)
        )
        self._cache = Sha256Cache(cache_dir(workspace.root))
        self._files = LocalFiles(workspace.root, self._cache, workspace.cancel)
        self._without: set[str] = set()  # outputs that must not be referred to
        self._id = new_snapshot_id(datetime.now(UTC), os.urandom(2))

    def run(self) -> SnapshotPushed:
        try:
            if self._options.dry:
                return self._foresee()
            with marked(self._remote.store, self._project, self._id, PENDING) as marker:
                self._wait_for_prunes(marker)
                while True:
                    try:
                        return self._push(marker)
                    except _RunRemoved as gone:
                        self._without.update(gone.outputs)
        finally:
            self._cache.save()
            if not self._options.dry:
                self._remote.contents.save()
                self._workspace.records.close()
            self._workspace.save()

    def _wait_for_prunes(self, marker: Marker) -> None:
        def waits() -> None:
            self._report(events.Note("waiting for a prune of snapshots that deletes what nothing names"))

        wait_for_prunes(self._remote.store, marker.modified, self._workspace.cancel, waits)

    # -- what there is ------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[Collected, dict[OutputEntry, Published]]:
        """List the remote and the project. Raises ProjError for directories that cannot be read."""
        if not self._options.dry:
            with suppress(ProjError):  # then project.lock is stored as it is
                self._workspace.records.fold()
        self._report(events.Preparing("listing the remote"))
        self._remote.contents.refresh()
        self._report(events.Preparing("comparing outputs with the remote"))
        found = {} if self._options.tree else references(self._workspace, self._remote.tree)
        found = {entry: run for entry, run in found.items() if entry.path not in self._without}
        collected = collect(
            self._workspace.root,
            self._left_out,
            self._cache,
            self._workspace.cancel,
            max_size=self._options.max_file_size,
            outputs={entry.path for entry in found},
            advance=Activity("listing the project", None, Unit.FILES, self._report),
        )
        _check_readable(collected.unreadable)
        return collected, {entry: run for entry, run in found.items() if entry.path in collected.outputs}

    def _foresee(self) -> SnapshotPushed:
        collected, found = self._look()
        for file in collected.files:
            if file.sha256 is None:
                self._files.hash(file, lambda size: self._workspace.cancel.check())
        new = self._missing(collected.files)
        return self._result(
            self._snapshot(collected, found, entries_bytes(_entries(collected, found))), collected, found, new
        )

    def _missing(self, files: list[LocalFile]) -> list[LocalFile]:
        """Return the files whose content the remote does not have, each content once."""
        by_content = {Content(file.sha256, file.size): file for file in files if file.sha256 is not None}
        return [by_content[content] for content in self._remote.contents.missing(by_content)]

    # -- storing ------------------------------------------------------------------------------------------------------

    def _push(self, marker: Marker) -> SnapshotPushed:
        collected, found = self._look()
        self._report(events.TransferStarted("push", len(collected.files), sum(one.size for one in collected.files)))
        uploader = Uploader(
            self._remote.store,
            self._remote.contents,
            self._files,
            marker,
            self._report,
            self._workspace.cancel,
            jobs=self._options.jobs,
        )
        uploader.upload(collected.files)
        _check_readable(uploader.problems)
        data = entries_bytes(_entries(collected, found))
        uploader.upload_entries(data)
        snapshot = self._snapshot(collected, found, data)
        self._store_again(uploader, collected, snapshot, data)
        self._write_tree(collected)
        self._check_references(found)
        key = snapshot_key(self._project, self._id)
        if not self._remote.store.put(key, [snapshot_bytes(snapshot)]):
            raise StoreError(f"`{key}` exists already", hint="try again")
        try:
            self._check_references(found)
        except _RunRemoved:
            self._remote.store.delete(key)
            raise
        return self._result(snapshot, collected, found, uploader.new, uploader.stored)

    def _store_again(self, uploader: Uploader, collected: Collected, snapshot: Snapshot, data: bytes) -> None:
        """Store what was removed after this push had found it. Raises StoreError if it is removed again and again."""
        files = {Content(file.sha256 or "", file.size): file for file in collected.files}
        for _ in range(_ATTEMPTS):
            self._remote.contents.refresh()
            missing = self._remote.contents.missing([*files, snapshot.entries])
            if not missing:
                return
            uploader.upload([files[content] for content in missing if content in files])
            _check_readable(uploader.problems)
            uploader.upload_entries(data)
        raise StoreError(
            f"another process removes contents of snapshots from remote `{self._remote_name}`", hint="try again"
        )

    def _write_tree(self, collected: Collected) -> None:
        if self._options.tree:
            TreeWriter(
                self._remote.store,
                self._remote.contents,
                self._project,
                self._report,
                self._workspace.cancel,
                jobs=self._options.jobs,
            ).write(collected.files, self._files)

    def _check_references(self, found: Mapping[OutputEntry, Published]) -> None:
        """Raise _RunRemoved if a run that the snapshot refers to is no longer on the remote."""
        tree = self._remote.tree
        runs = {record_key(run.record): run for run in found.values()}
        for key, run in runs.items():
            self._workspace.cancel.check()
            if any(tree.look_up(one) is None for one in (key, *(name for name, _ in run.objects.values()))):
                raise _RunRemoved([entry.path for entry, other in found.items() if other is run])

    # -- the result ---------------------------------------------------------------------------------------------------

    def _snapshot(self, collected: Collected, found: Mapping[OutputEntry, Published], data: bytes) -> Snapshot:
        files, size = len(collected.files), sum(file.size for file in collected.files)
        for entry, run in found.items():
            output = next(one for one in run.record.outputs if one.path == entry.path)
            files, size = files + (output.files or 0), size + (output.size or 0)
        git = self._provenance.provenance(()).git
        return Snapshot(
            id=self._id,
            project=self._project,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            message=self._options.message,
            host=os.uname().nodename,
            git=None if git is None or git == NO_REPOSITORY else SnapshotGit(*git),
            tool=f"proj {__version__}",
            lock=next((file.sha256 for file in collected.files if file.path == LOCK_FILE), None),
            files=files,
            bytes=size,
            entries=Content(sha256(data).hexdigest(), len(data)),
            tree=self._options.tree,
            runs=tuple(sorted({(entry.key, entry.run) for entry in found})),
        )

    def _result(
        self,
        snapshot: Snapshot,
        collected: Collected,
        found: Mapping[OutputEntry, Published],
        new: Sequence[LocalFile],
        stored: int = 0,
    ) -> SnapshotPushed:
        return SnapshotPushed(
            snapshot,
            self._remote_name,
            not self._options.dry,
            tuple(sorted(file.path for file in new)),
            sum(file.size for file in new),
            stored,
            tuple(sorted(entry.path for entry in found)),
            tuple(sorted(collected.left_out)),
        )


class _RunRemoved(Exception):
    """A run that the snapshot was to refer to was removed by `proj gc`. `outputs`: paths that need their files."""

    def __init__(self, outputs: Sequence[str]) -> None:
        super().__init__()
        self.outputs = outputs


def _entries(collected: Collected, found: Mapping[OutputEntry, Published]) -> list[Entry]:
    files = [FileEntry(file.path, file.mode, file.size, file.sha256 or "") for file in collected.files]
    return [*files, *collected.links, *collected.directories, *found]


def _check_readable(unreadable: Sequence[tuple[str, str]]) -> None:
    if unreadable:
        listed = in_short([f"`{path}`: {reason}" for path, reason in sorted(unreadable)], most=20)
        count = "1 path" if len(unreadable) == 1 else f"{len(unreadable)} paths"
        raise ProjError(
            f"{count} cannot be read, so no snapshot was stored: {listed}",
            hint="make them readable, wait until they are complete, or list them in .projignore",
        )

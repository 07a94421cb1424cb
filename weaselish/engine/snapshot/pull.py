"""snapshot pull: brings a directory to the state of a snapshot, without losing what exists only there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.engine.reading_events import Activity, ReadingEvents
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.case_twins import check_case
from weaselish.engine.snapshot.collect import collect
from weaselish.engine.snapshot.compare import Comparison, compare
from weaselish.engine.snapshot.download import Downloaded, SnapshotDownloader
from weaselish.engine.snapshot.known import only_local
from weaselish.engine.snapshot.left_out import LeftOut
from weaselish.engine.snapshot.opened import Opened, has_project, opened, outside, remember_remote, remote_for
from weaselish.engine.snapshot.outputs import OutputRestorer, Wanted
from weaselish.engine.snapshot.place import Placer
from weaselish.engine.snapshot.reading import Reading, named_project, read_project
from weaselish.engine.snapshot.sha256_cache import Sha256Cache
from weaselish.engine.snapshot.stored import LATEST
from weaselish.engine.snapshot.tree import read_tree
from weaselish.engine.workers import run_aside
from weaselish.errors import ProjError, UsageError, in_short
from weaselish.files.atomic import writing
from weaselish.files.remove import remove
from weaselish.files.state_dir import cache_dir
from weaselish.locks.flock import locked
from weaselish.plan.snapshot import Snapshot
from weaselish.plan.snapshot_entries import Entry, FileEntry, OutputEntry
from weaselish.workspace import Workspace

_GRACE = 0.8  # seconds to unwind after Ctrl-C
_BATCH = 1 << 26  # bytes that are downloaded before they are flushed and moved to their places
_BATCH_FILES = 5000
_STAGING = "snapshot-"  # in `.proj`


@dataclass(frozen=True, slots=True)
class SnapshotPullOptions:
    ref: str = LATEST
    into: str | None = None
    project: str | None = None
    force: bool = False
    exact: bool = False
    tree: bool = False  # pull the plain files below the project's name
    jobs: int = 4
    keep_going: bool = False  # restore what is intact of a damaged snapshot


@dataclass(frozen=True, slots=True)
class SnapshotPulled:
    """What a pull did. `written`: files, links, empty directories and outputs that it created or replaced.

    `problems`: (path, what is wrong) of what is damaged or missing on the remote, if the pull keeps going.
    """

    project: str
    snapshot: Snapshot | None  # None for a tree
    directory: str
    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    skipped: tuple[str, ...] = ()  # names in a tree that no pull restores
    declined: bool = False  # the user did not want extra files to be removed
    problems: tuple[tuple[str, str], ...] = ()


Confirm = Callable[[Sequence[str]], bool]


class Source(Protocol):
    """Provides the files of a pull."""

    def download(self, entries: Sequence[FileEntry], /) -> Iterator[Sequence[Downloaded]]:
        """Yield verified files in the staging directory, in any order. Raises StoreError for those that are lost."""
        ...


def pull_snapshot(
    workspace: Workspace,
    remote_name: str | None,
    options: SnapshotPullOptions,
    *,
    open_store: OpenStore,
    confirm: Confirm,
    report: events.Reporter,
) -> SnapshotPulled:
    """Bring a directory to the state of a snapshot. `confirm` gets the extra files that `exact` would remove.

    Raises ProjError, before anything is changed, if a file would be replaced that exists only locally.
    """
    _check(options)
    remote = remote_for(workspace, remote_name)
    serial = SerialReporter(report)
    workspace.observer = ReadingEvents(serial)

    def pull() -> SnapshotPulled:
        with opened(workspace, remote, open_store) as remote_side:
            project = named_project(workspace, remote_side, options.project)
            read = None if options.tree else read_project(workspace, remote_side, project, options.ref)
            root = _target(workspace, options, project)
            target = workspace if root == workspace.root and has_project(workspace) else outside(root, workspace)
            with _prepared(target) as staging:
                pulling = _Pull(target, remote_side, project, options, staging, confirm, serial)
                result = pulling.run(read) if read is not None else pulling.run_tree()
            remember_remote(root, remote_name, remote)
            return result

    return run_aside(pull, workspace.cancel, grace=_GRACE)


def _check(options: SnapshotPullOptions) -> None:
    """Raise UsageError for options that exclude each other."""
    if options.keep_going and (options.exact or options.tree):
        other = "--exact" if options.exact else "--tree"
        raise UsageError(f"`--keep-going` and `{other}` exclude each other", hint="leave out one of them")


def _target(workspace: Workspace, options: SnapshotPullOptions, project: str) -> Path:
    """Return the directory to pull into. Raises UsageError."""
    if options.into is not None:
        path = Path(options.into).absolute()
    elif not has_project(workspace):
        path = workspace.root / project
    elif options.project is None or options.project == project_of(workspace):
        return workspace.root
    else:
        raise UsageError(f"`{project}` is another project than this one", hint="name a directory: `--into DIR`")
    if os.path.lexists(path) and not path.is_dir():
        raise UsageError(f"`{path}` is not a directory")
    return path


def project_of(workspace: Workspace) -> str:
    return workspace.project.name or workspace.root.name


@contextmanager
def _prepared(target: Workspace) -> Iterator[Path]:
    """Create the directory and its `.proj`, and provide a staging directory to one process at a time."""
    with writing(f"`{target.root}`"):
        target.root.mkdir(parents=True, exist_ok=True)
    target.prepare_to_change()
    with locked(target.state / "locks" / "snapshot", target.cancel):
        for left in target.state.glob(f"{_STAGING}*"):
            remove(left)
        staging = target.state / f"{_STAGING}{os.urandom(4).hex()}"
        with writing(f"`{staging}`"):
            staging.mkdir(mode=0o700)
        try:
            yield staging
        finally:
            remove(staging)


class _Pull:
    def __init__(
        self,
        target: Workspace,
        remote: Opened,
        project: str,
        options: SnapshotPullOptions,
        staging: Path,
        confirm: Confirm,
        report: SerialReporter,
    ) -> None:
        self._target = target
        self._root = target.root
        self._remote = remote
        self._project = project
        self._options = options
        self._staging = staging
        self._confirm = confirm
        self._report = report
        self._cache = Sha256Cache(cache_dir(self._root))
        self._outputs = OutputRestorer(
            target,
            remote.tree,
            force=options.force,
            jobs=options.jobs,
            keep_going=options.keep_going,
            report=report,
        )

    def run(self, read: Reading) -> SnapshotPulled:
        """Pull a snapshot."""
        downloader = SnapshotDownloader(
            self._remote.contents,
            self._staging,
            self._report,
            self._target.cancel,
            jobs=self._options.jobs,
            keep_going=self._options.keep_going,
        )
        result = self._run(read.entries, downloader)
        problems = {**downloader.problems, **self._outputs.problems}
        written = tuple(path for path in result.written if path not in problems)
        return replace(result, snapshot=read.snapshot, written=written, problems=tuple(sorted(problems.items())))

    def run_tree(self) -> SnapshotPulled:
        """Pull the plain files below the project's name."""
        self._remote.contents.refresh()
        cancel, jobs = self._target.cancel, self._options.jobs
        found = read_tree(self._remote.store, self._project, self._root, self._staging, self._report, cancel, jobs=jobs)
        return replace(self._run(found.entries, found), skipped=found.skipped)

    def _run(self, entries: Sequence[Entry], source: Source) -> SnapshotPulled:
        check_case(self._staging, entries)
        wanted = self._outputs.wanted(entries)
        reading = Activity("comparing files with the snapshot", len(entries), Unit.FILES, self._report)
        compared = compare(self._root, entries, self._cache, self._target.cancel, reading)
        self._check_replaceable(entries, compared, wanted)
        extra = self._extra(entries) if self._options.exact else []
        removes = bool(extra) and self._confirm(extra)
        placer = Placer(self._root, self._staging, compared)
        if removes:
            for path in extra:
                placer.remove(path)
        self._place(placer, compared, source)
        restored = self._outputs.restore(self._root, wanted) if wanted else []
        self._cache.save()
        written = [entry.path for entry in (*compared.files, *compared.links, *compared.directories, *compared.modes)]
        return SnapshotPulled(
            self._project,
            None,
            os.fspath(self._root),
            tuple(sorted([*written, *restored])),
            tuple(extra) if removes else (),
            compared.unchanged,
            declined=bool(extra) and not removes,
        )

    def _check_replaceable(self, entries: Sequence[Entry], compared: Comparison, wanted: Sequence[Wanted]) -> None:
        """Raise ProjError if something would be replaced that exists only locally, unless forced."""
        lost = self._outputs.only_local(wanted)
        if not self._options.force:
            store, contents = self._remote.store, self._remote.contents
            left = only_local(store, contents, self._project, entries, compared.replaced.values())
            lost += [one.path for one in left]
        if lost and not self._options.force:
            one = len(lost) == 1
            listed = in_short([f"`{path}`" for path in sorted(lost)], most=10, separator=", ")
            raise ProjError(
                f"{listed} {'exists' if one else 'exist'} only locally and would be lost; nothing was changed",
                hint="`proj snapshot push` stores them first; `--force` replaces them; `--into DIR` pulls elsewhere",
            )

    def _extra(self, entries: Sequence[Entry]) -> list[str]:
        """Return the local files and links that the snapshot does not have. What a push leaves out is not among them.

        Raises ProjError if a directory cannot be read.
        """
        outputs = {entry.path for entry in entries if isinstance(entry, OutputEntry)}
        left_out = LeftOut(self._root, include_secrets=False)
        found = collect(self._root, left_out, self._cache, self._target.cancel, max_size=None, outputs=outputs)
        there = {entry.path for entry in entries}
        local = [file.path for file in found.files] + [link.path for link in found.links]
        return sorted(path for path in local if path not in there)

    def _place(self, placer: Placer, compared: Comparison, source: Source) -> None:
        if compared.files and not self._options.tree:
            total = sum(entry.size for entry in compared.files)
            self._report(events.TransferStarted("pull", len(compared.files), total))
        waiting: list[Downloaded] = []
        size = 0
        for files in source.download(compared.files):
            waiting += files
            size += sum(one.entry.size for one in files)
            if size > _BATCH or len(waiting) > _BATCH_FILES:
                placer.place(waiting)
                waiting, size = [], 0
        placer.place(waiting)
        for link in compared.links:
            placer.place_link(link)
        for directory in compared.directories:
            placer.place_directory(directory)
        for entry in compared.modes:
            placer.set_mode(entry)
        placer.flush()

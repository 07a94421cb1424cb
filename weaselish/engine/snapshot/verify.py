"""snapshot verify: reads everything that a snapshot needs, and checks that it is what its names say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from weaselish.engine import events
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.remote.verify import digest_of_object
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.contents import MISSING, Contents, Reading, content_key, pack_key
from weaselish.engine.snapshot.opened import Opened, opened, remote_for
from weaselish.engine.snapshot.outputs import wanted_runs
from weaselish.engine.snapshot.reading import read_project
from weaselish.engine.workers import Workers, run_aside
from weaselish.errors import StoreError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.packs import SMALL
from weaselish.plan.snapshot import Content, Snapshot
from weaselish.plan.snapshot_entries import Entry, FileEntry, OutputEntry
from weaselish.workspace import Workspace


class Verified(NamedTuple):
    """What `verify` read. `problems`: (path, what is wrong). `objects`: keys of the damaged objects on the remote."""

    snapshot: Snapshot
    files: int
    size: int
    problems: tuple[tuple[str, str], ...]
    objects: tuple[str, ...] = ()


def verify_snapshot(
    workspace: Workspace,
    remote_name: str | None,
    ref: str,
    project: str | None,
    *,
    open_store: OpenStore,
    report: events.Reporter,
    jobs: int,
) -> Verified:
    """Read all contents of a snapshot, and the outputs that it refers to."""
    remote = remote_for(workspace, remote_name)
    serial = SerialReporter(report)

    def verify() -> Verified:
        with opened(workspace, remote, open_store) as remote_side:
            read = read_project(workspace, remote_side, project, ref)
            return _Verification(workspace, remote_side, serial, jobs).run(read.snapshot, read.entries)

    return run_aside(verify, workspace.cancel)


class _Verification:
    def __init__(self, workspace: Workspace, remote: Opened, report: SerialReporter, jobs: int) -> None:
        self._workspace = workspace
        self._remote = remote
        self._report = report
        self._jobs = jobs
        self._damaged: set[str] = set()

    def run(self, snapshot: Snapshot, entries: Sequence[Entry]) -> Verified:
        paths: dict[Content, str] = {}
        for entry in entries:
            if isinstance(entry, FileEntry):
                paths.setdefault(Content(entry.sha256, entry.size), entry.path)
        self._report(events.TransferStarted("verify", len(paths), sum(content.size for content in paths)))
        problems = [(paths[content], why) for content, why in self._contents(list(paths)).items()]
        problems += self._outputs(entries)
        files = sum(isinstance(entry, FileEntry) for entry in entries)
        size, objects = sum(content.size for content in paths), tuple(sorted(self._damaged))
        return Verified(snapshot, files, size, tuple(sorted(problems)), objects)

    def _contents(self, wanted: list[Content]) -> dict[Content, str]:
        """Return what is wrong with contents."""
        contents = self._remote.contents
        left = dict.fromkeys(wanted, MISSING)
        with Workers[dict[Content, str | None]](self._jobs, self._workspace.cancel) as workers:
            for reading in contents.readings(one for one in wanted if one.size <= SMALL):
                workers.start(partial(self._small, contents, reading))
            for content in wanted:
                if content.size > SMALL:
                    workers.start(partial(self._large, contents, content))
            while workers.running:
                for content, problem in workers.wait().items():
                    if problem is None:
                        del left[content]
                    else:
                        left[content] = problem
        return left

    def _small(self, contents: Contents, reading: Reading) -> dict[Content, str | None]:
        self._workspace.cancel.check()
        self._report(events.Transferred(reading.pack, sum(content.size for content, _ in reading.members)))
        found = contents.check(reading)
        if any(found.values()):
            self._damaged.add(pack_key(reading.pack))
        return found

    def _large(self, contents: Contents, content: Content) -> dict[Content, str | None]:
        def passed(size: int) -> None:
            self._workspace.cancel.check()
            self._report(events.Transferred(content.sha256, size))

        try:
            for _ in contents.stream(content, passed):
                pass
        except StoreError as error:
            self._damaged.add(content_key(content.sha256))
            return {content: error.message}
        return {content: None}

    def _outputs(self, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        problems = []
        for entry in entries:
            if isinstance(entry, OutputEntry):
                try:
                    ((run, (wanted,)),) = wanted_runs(self._remote.tree, [entry])
                except StoreError as error:
                    problems.append((entry.path, error.message))
                    continue
                output = next(one for one in run.record.outputs if one.path == entry.path)
                store = self._remote.store
                if digest_of_object(self._workspace, store, wanted.key, output, self._report) != entry.digest:
                    problems.append((entry.path, f"object `{wanted.key}` is missing, or not what it should be"))
        return problems

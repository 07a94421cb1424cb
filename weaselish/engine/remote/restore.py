"""A run's outputs brought back: downloaded, verified aside, swapped in together or not at all, and recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore, Event
from typing import NamedTuple

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.pack import Content
from weaselish.archive.unpack import unpack
from weaselish.compat import weasel
from weaselish.engine import events
from weaselish.engine.events import SerialReporter
from weaselish.engine.remote.candidates import Wanted, recorded
from weaselish.engine.remote.tree import RemoteTree, outputs_of
from weaselish.engine.remote.workers import Workers
from weaselish.engine.run.recording import with_weasel_digests
from weaselish.errors import NotInStore, ProjError, UnsafePath
from weaselish.files.swap import recover, recover_all, swap_in_all, workplace
from weaselish.locks.flock import locked
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.journal_lines import AttemptEnd
from weaselish.stores.base import Store
from weaselish.workspace import Workspace


class _Made(NamedTuple):
    """An output that was downloaded."""

    output: str
    new: Path  # where it lies until it is swapped in
    target: Path
    content: Content


class NotPulled(Exception):
    """Why a command's outputs are left as they are."""

    def __init__(self, why: str, *, is_error: bool = False) -> None:
        super().__init__(why)
        self.why, self.is_error = why, is_error


class BadObject(NotPulled):
    """An object that is missing, broken, or not what its name says: another run may do."""

    def __init__(self, why: str) -> None:
        super().__init__(why, is_error=True)


def digest_of_object(workspace: Workspace, store: Store, key: str, output: str) -> str | None:
    """What an object unpacks to, by its digest; None if it is broken. Leaves nothing behind."""
    with _place_to_verify(workspace) as place:
        try:
            return unpack(store.get(key), output, place, algorithm=workspace.project.digest).digested().digest
        except (BrokenArchive, NotInStore, UnsafePath):
            return None


@contextmanager
def _place_to_verify(workspace: Workspace) -> Iterator[Path]:
    """An empty directory, of one process at a time: what a killed one left is removed first."""
    locks, target = workspace.state / "locks", workspace.state / "verify"
    if not locks.is_dir():  # in a dry run, which makes no such thing
        with TemporaryDirectory() as place:
            yield Path(place)
        return
    with locked(locks / "verify"):
        recover(target)
        with workplace(target) as empty:
            yield empty


class Restorer:
    """Restores runs of one workspace from one remote. Thread-safe; whoever calls it holds the command's claims.

    `jobs` downloads at a time, of whatever commands; they are given up once `stopped` is set.
    """

    def __init__(
        self, workspace: Workspace, tree: RemoteTree, *, jobs: int, force: bool, stopped: Event, report: SerialReporter
    ) -> None:
        self._workspace = workspace
        self._tree = tree
        self._jobs = max(1, jobs)
        self._force = force
        self._stopped = stopped
        self._report = report
        self._lanes = BoundedSemaphore(self._jobs)
        self._new_directories: set[Path] = set()  # made around outputs

    def close(self) -> None:
        """Remove the directories that were made for outputs, if none came of it."""
        for directory in sorted(self._new_directories, reverse=True):  # the inner ones before those around them
            with suppress(OSError):
                directory.rmdir()

    def restore(self, command: Command, record: Record, missing: Sequence[Wanted]) -> tuple[int, tuple[str, ...]]:
        """Bring back what is missing of a run, and record it. Gives the bytes of it, and what the user should know.

        Raises NotPulled.
        """
        was_unfinished = self._workspace.records.unfinished(command.name) is not None
        size = self._download_and_swap(command, record, missing)
        return size, self._record(command, record, is_new=was_unfinished)

    def missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """What must be downloaded. Raises NotPulled for what must not be replaced."""
        missing = [one for one in wanted if not self._is_same(one)]
        for one in missing:
            self._check_replaceable(one)
        return missing

    def _is_same(self, one: Wanted) -> bool:
        if one.by_weasel:
            return weasel.digest(self._workspace.root / one.path) == one.digest
        return self._workspace.digests.digest(one.path, "output") == one.digest

    def _check_replaceable(self, one: Wanted) -> None:
        """What exists only here is not replaced without being told to."""
        here = self._workspace.digests.digest(one.path, "output")
        if here is None or self._force:
            return
        if any(
            outputs_of(run.record)[one.path] == here
            for run in self._tree.runs_of(one.path, compat=self._workspace.project.compat)
        ):
            return
        raise NotPulled(
            f"`{one.path}` is here with other content that is not on the remote (`--force` replaces it)", is_error=True
        )

    def _download_and_swap(self, command: Command, record: Record, wanted: Sequence[Wanted]) -> int:
        """All outputs of a run, or none: the old ones are kept until all new ones are in place."""
        size = sum(one.limits.size or 0 for one in wanted)
        if wanted:
            self._report(events.TransferStarted("pull", len(wanted), size))
        digests = self._workspace.digests
        modified = digests.past_time()
        with ExitStack() as places:
            targets = [self._workspace.root / one.path for one in wanted]
            self._new_directories.update(above for one in targets for above in one.parents if not above.exists())
            fresh = [places.enter_context(workplace(target)) for target in targets]
            contents = self._download_all(wanted, fresh, modified)
            if wanted:  # from here on a kill leaves what the next pull or run must mend
                started = self._workspace.records.start(command.name, record.fingerprint.key)
                made = [
                    _Made(one.path, new / one.path, target, content)
                    for one, new, target, content in zip(wanted, fresh, targets, contents, strict=True)
                ]
                try:
                    self._swap_in(made, modified)
                except BaseException:
                    recover_all(targets)  # where that fails, it stays unfinished: the next pull or run tries again
                    self._workspace.records.end(command.name, started, AttemptEnd.FAILED)
                    raise
                self._workspace.records.end(command.name, started, AttemptEnd.PULLED)
        return sum(content.size for content in contents)

    def _swap_in(self, made: Sequence[_Made], modified: int | None) -> None:
        """What is known of them need not be read again. Of directories it is noted while the disk is busy."""
        digests = self._workspace.digests
        trees = {one.output: (one.new, one.content.entries) for one in made if not one.content.is_file}
        files = {one.output: (one.target, one.content.entries) for one in made if one.content.is_file}
        digests.forget()
        try:
            pairs = [(one.new, one.target) for one in made]
            swap_in_all(pairs, meanwhile=lambda: digests.put_restored(trees, modified))
        except BaseException:
            digests.forget()
            raise
        digests.put_restored(files, modified)

    def _download_all(self, wanted: Sequence[Wanted], places: Sequence[Path], modified: int | None) -> list[Content]:
        """Several at a time, the largest first; where one fails, the others are given up."""
        stopped = Event()
        largest_first = sorted(range(len(wanted)), key=lambda index: -(wanted[index].limits.size or 0))
        with Workers(min(self._jobs, len(wanted)), stopped) as workers:
            futures = {
                index: workers.submit(self._download, wanted[index], places[index], modified, stopped)
                for index in largest_first
            }
            return [futures[index].result() for index in range(len(wanted))]

    def _download(self, one: Wanted, place: Path, modified: int | None, stopped: Event) -> Content:
        """Unpack one object and check what came out. Raises BadObject."""
        algorithm = self._workspace.project.digest
        chunks = self._told(one.key, stopped)
        try:
            with self._lanes:
                content = unpack(chunks, one.path, place, algorithm=algorithm, limits=one.limits, modified=modified)
        except (BrokenArchive, NotInStore, UnsafePath) as error:
            raise BadObject(f"object `{one.key}`: {error.message}") from None
        digest = weasel.digest(place / one.path) if one.by_weasel else content.digested().digest
        if digest != one.digest:
            raise BadObject(f"object `{one.key}` is not what it should be: expected {one.digest}, found {digest}")
        return content

    def _told(self, key: str, stopped: Event) -> Iterator[bytes]:
        def go_on() -> None:
            if stopped.is_set() or self._stopped.is_set():
                raise ProjError("stopped")

        go_on()
        for chunk in self._tree.store.get(key):
            go_on()
            self._report(events.Transferred(key, len(chunk)))
            yield chunk

    def _record(self, command: Command, record: Record, *, is_new: bool) -> tuple[str, ...]:
        """Keep the record of what is here now, unless the lock already says so. Gives what the user should know.

        `is_new`: it must outrank an interrupted run, as with an id of its own it does.
        """
        records = self._workspace.records
        no_cache = tuple(self._no_cache_made(made) for made in record.outputs_no_cache)
        new = record._replace(
            command=command.name,
            outputs=tuple(self._restored(made) for made in record.outputs),
            outputs_no_cache=no_cache,
            algorithm=self._workspace.project.digest,
            origin=Origin.WEASEL if record.origin is Origin.WEASEL else Origin.PULLED,
            extra={name: value for name, value in record.extra.items() if name not in ("objects", "origin")},
        )
        notes = tuple(
            f"`{made.path}` is not the one of this run: a reason to run"
            for made in no_cache
            if self._workspace.digests.digest(made.path, "output") not in (None, made.digest)
        )
        if not is_new and any(_is_same_run(known, new) for known in recorded(self._workspace, command)):
            return notes
        new = with_weasel_digests(self._workspace, new)
        keeps_id = record.run and not is_new and no_cache == record.outputs_no_cache
        if keeps_id:
            records.add(new)
        if not keeps_id or new.run not in [known.run for known in recorded(self._workspace, command)]:
            records.add(new._replace(run=records.next_id()))  # with its own, a later run or a reset would outrank it
        return notes

    def _no_cache_made(self, made: RecordedOutput) -> RecordedOutput:
        """An `outputs_no_cache` path as this run made it; what is not here is accepted."""
        return made if self._workspace.exists(made.path) else RecordedOutput(made.path, ABSENT)

    def _restored(self, made: RecordedOutput) -> RecordedOutput:
        """An output as it is here now."""
        found = self._workspace.digests.of(made.path, "output")
        if found is None or made.digest not in ("", found.digest):
            raise NotPulled(f"`{made.path}` was changed just when it was restored", is_error=True)
        if is_tree(found.digest):
            self._workspace.digests.keep_manifest(made.path, "output", found.digest)
        return RecordedOutput(made.path, found.digest, found.size, found.files)


def _is_same_run(known: Record, new: Record) -> bool:
    def digests(record: Record) -> list[tuple[str, str]]:
        return [(made.path, made.digest) for made in record.all_outputs]

    return known.fingerprint.key == new.fingerprint.key and digests(known) == digests(new)

"""Downloads the contents of files to a staging directory, each verified before the caller gets it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from weaselish.archive.gzip import BrokenArchive
from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.contents import MISSING, Contents, Reading
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore, StoreError
from weaselish.files.atomic import writing
from weaselish.named_tuple import NamedTuple
from weaselish.plan.packs import SMALL
from weaselish.plan.snapshot import Content
from weaselish.plan.snapshot_entries import FileEntry

KEEP_GOING = "`--keep-going` restores the other files; `proj snapshot verify` names everything that is damaged"

_ATTEMPTS = 3  # at contents that a prune moves to another pack


class Downloaded(NamedTuple):
    """A verified file in the staging directory. It does not have the permissions of its entry yet."""

    entry: FileEntry
    file: str


class _Ended(NamedTuple):
    files: Sequence[Downloaded]
    damaged: Sequence[tuple[Content, BrokenArchive]] = ()


class SnapshotDownloader:
    """Downloads files of one pull into `staging`.

    With `keep_going`, files whose contents are damaged or missing are left out: `problems` says per path what is wrong.
    """

    def __init__(
        self,
        contents: Contents,
        staging: Path,
        report: SerialReporter,
        cancel: Cancel,
        *,
        jobs: int,
        keep_going: bool,
    ) -> None:
        self.problems: dict[str, str] = {}
        self._keep_going = keep_going
        self._contents = contents
        self._staging = os.fspath(staging)
        self._report = report
        self._cancel = cancel
        self._jobs = jobs
        self._numbers = count()

    def download(self, entries: Sequence[FileEntry], /) -> Iterator[Sequence[Downloaded]]:
        """Yield the files in the order in which they arrive.

        Raises StoreError for contents that are damaged or missing, unless it keeps going.
        """
        waiting: dict[Content, list[FileEntry]] = {}
        for entry in entries:
            waiting.setdefault(Content(entry.sha256, entry.size), []).append(entry)
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._contents.refresh()
            yield from self._attempt(waiting)
            if not waiting:
                return
        missing = [entry.path for entries in waiting.values() for entry in entries]
        if not self._keep_going:
            files = f"{len(missing)} file{'' if len(missing) == 1 else 's'}, such as `{missing[0]}`"
            raise StoreError(f"the remote lacks the content of {files}", hint=KEEP_GOING)
        self.problems |= dict.fromkeys(missing, MISSING)

    def _attempt(self, waiting: dict[Content, list[FileEntry]]) -> Iterator[Sequence[Downloaded]]:
        """Download what is there, and remove it from `waiting`."""
        with Workers[_Ended](self._jobs, self._cancel) as workers:
            for content in sorted(waiting, key=lambda one: -one.size):
                if content.size > SMALL:
                    workers.start(partial(self._large, content, waiting[content], workers.cancel))
            for reading in self._contents.readings(one for one in waiting if one.size <= SMALL):
                workers.start(partial(self._small, reading, waiting, workers.cancel))
            while workers.running:
                ended = workers.wait()
                for one in ended.files:
                    waiting.pop(Content(one.entry.sha256, one.entry.size), None)
                for content, error in ended.damaged:
                    self._leave_out(waiting.pop(content), error)
                yield ended.files

    def _leave_out(self, entries: Sequence[FileEntry], error: BrokenArchive) -> None:
        if not self._keep_going:
            raise BrokenArchive(f"`{entries[0].path}` is damaged on the remote: {error.message}", hint=KEEP_GOING)
        self.problems |= dict.fromkeys((entry.path for entry in entries), error.message)

    def _small(self, reading: Reading, waiting: dict[Content, list[FileEntry]], cancel: Cancel) -> _Ended:
        files: list[Downloaded] = []
        damaged: list[tuple[Content, BrokenArchive]] = []
        try:
            for content, data in self._contents.read(reading):
                cancel.check()
                if isinstance(data, BrokenArchive):
                    damaged.append((content, data))
                    continue
                for entry in waiting[content]:
                    files.append(self._write(entry, [data]))
                self._report(events.Transferred(content.sha256, len(data)))
        except NotInStore:
            pass  # a prune moved the contents to another pack
        return _Ended(files, damaged)

    def _large(self, content: Content, entries: Sequence[FileEntry], cancel: Cancel) -> _Ended:
        def passed(size: int) -> None:
            cancel.check()
            self._report(events.Transferred(content.sha256, size))

        try:
            first = self._write(entries[0], self._contents.stream(content, passed))
        except NotInStore:
            return _Ended(())
        except BrokenArchive as error:
            return _Ended((), [(content, error)])
        return _Ended([first, *(self._copy(first, entry) for entry in entries[1:])])

    def _write(self, entry: FileEntry, blocks: Iterable[bytes]) -> Downloaded:
        """Write one file. If `blocks` raises, the file stays in the staging directory and is removed with it."""
        path = self._new_path()
        with writing(f"`{entry.path}`"):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for block in blocks:
                    view = memoryview(block)
                    while view:
                        view = view[os.write(fd, view) :]
            finally:
                os.close(fd)
        return Downloaded(entry, path)

    def _copy(self, first: Downloaded, entry: FileEntry) -> Downloaded:
        path = self._new_path()
        with writing(f"`{entry.path}`"):
            shutil.copyfile(first.file, path)
        return Downloaded(entry, path)

    def _new_path(self) -> str:
        return f"{self._staging}/{next(self._numbers)}"

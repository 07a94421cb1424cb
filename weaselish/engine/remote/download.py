"""Downloads the objects of a run aside, and verifies each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.pack import Content, shown
from weaselish.archive.unpack import unpack
from weaselish.cancel import Cancel
from weaselish.compat import weasel
from weaselish.engine import events
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore, UnsafePath
from weaselish.model.paths import is_executed_by_tools
from weaselish.plan.digests import algorithm_of
from weaselish.workspace import Workspace


class NotPulled(Exception):
    """The reason why a command's outputs are left unchanged."""

    def __init__(self, why: str, *, hint: str | None = None, is_error: bool = False) -> None:
        super().__init__(why)
        self.why, self.hint, self.is_error = why, hint, is_error


class BadObject(NotPulled):
    """An object is missing, broken, or not what its key says. Another run may have good ones."""

    def __init__(self, why: str) -> None:
        super().__init__(why, is_error=True)


class Downloader:
    """Downloads objects of one remote, at most `jobs` at a time whatever their commands. Thread-safe."""

    def __init__(self, workspace: Workspace, tree: RemoteTree, report: SerialReporter, *, jobs: int) -> None:
        self._workspace = workspace
        self._tree = tree
        self._report = report
        self._jobs = max(1, jobs)
        self._lanes = BoundedSemaphore(self._jobs)

    def download_all(
        self, objects: Sequence[OutputObject], places: Sequence[Path], modified: int | None
    ) -> list[Content]:
        """Unpack each object into its place, an empty directory. If one fails, the others are cancelled.

        The larger objects begin first. Raises BadObject.
        """
        contents: dict[int, Content] = {}
        largest_first = sorted(range(len(objects)), key=lambda index: -(objects[index].limits.size or 0))
        with Workers[tuple[int, Content]](min(self._jobs, len(objects)), self._workspace.cancel) as workers:

            def download(index: int) -> tuple[int, Content]:
                with self._lanes:
                    return index, self._download(objects[index], places[index], modified, workers.cancel)

            for index in largest_first:
                workers.start(partial(download, index))
            while workers.running:
                index, content = workers.wait()
                contents[index] = content
        return [contents[index] for index in range(len(objects))]

    def _download(self, wanted: OutputObject, place: Path, modified: int | None, cancel: Cancel) -> Content:
        """Unpack one object and compare the content with its key. Raises BadObject."""
        algorithm = self._workspace.project.digest if wanted.by_weasel else algorithm_of(wanted.digest)
        chunks = self._chunks(wanted.key, cancel)
        try:
            content = unpack(chunks, wanted.path, place, algorithm=algorithm, limits=wanted.limits, modified=modified)
        except (BrokenArchive, NotInStore, UnsafePath) as error:
            raise BadObject(f"object `{wanted.key}`: {error.message}") from None
        cancel.check()
        _check_names(wanted, content)
        digest = weasel.digest(place / wanted.path) if wanted.by_weasel else content.digested().digest
        if digest != wanted.digest:
            raise BadObject(f"object `{wanted.key}` is not what it should be: expected {wanted.digest}, found {digest}")
        return content

    def _chunks(self, key: str, cancel: Cancel) -> Iterator[bytes]:
        cancel.check()
        for chunk in self._tree.store.get(key):
            cancel.check()
            self._report(events.Transferred(key, len(chunk)))
            yield chunk


def _check_names(wanted: OutputObject, content: Content) -> None:
    """Refuse content that other tools would execute by themselves, such as `.git/hooks`."""
    for entry in content.entries:
        if is_executed_by_tools(os.fsdecode(entry.path)):
            reason = f"holds {shown(entry.path)}, a location whose content other tools execute"
            raise BadObject(f"object `{wanted.key}` {reason}: nothing of it was kept")

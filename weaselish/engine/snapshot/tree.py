"""Plain files on a remote, at `<project>/<path>`, to browse without proj: written by `--tree`, and by Lab."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.collect import LocalFile
from weaselish.engine.snapshot.contents import Contents
from weaselish.engine.snapshot.download import Downloaded
from weaselish.engine.snapshot.known import entries_of
from weaselish.engine.snapshot.local_files import LocalFiles, NotReadable
from weaselish.engine.snapshot.stored import list_snapshots, read_stored
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore, ProjError, StoreError, UsageError, in_short
from weaselish.files.atomic import writing
from weaselish.model.paths import is_text
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot_entries import FileEntry, check_path, raw
from weaselish.stores.base import Store, Stored

_NEW_MODE = 0o644  # of files from a tree, which has no modes


class _Before(NamedTuple):
    """The files of the last snapshot that was also stored as a tree, and when that was."""

    files: Mapping[str, FileEntry]
    stored: float


class TreeWriter:
    """Brings the tree of a project to the state of a snapshot. Replaces and deletes only what a snapshot holds, too."""

    def __init__(
        self, store: Store, contents: Contents, project: str, report: SerialReporter, cancel: Cancel, *, jobs: int
    ) -> None:
        self._store = store
        self._contents = contents
        self._project = project
        self._report = report
        self._cancel = cancel
        self._jobs = jobs

    def write(self, files: Sequence[LocalFile], local: LocalFiles) -> None:
        """Store the files that are new or changed, and delete those that the last tree had.

        Their contents are on the remote already. Raises ProjError, before anything is changed, for objects that
        another tool changed. A name that is not UTF-8 is left out.
        """
        wanted = {file.path: file for file in files if is_text(file.path)}
        listed = {one.key.removeprefix(f"{self._project}/"): one for one in self._store.list(self._project)}
        before = self._before()
        both = [path for path in listed if path in wanted or path in before.files]
        stored = self._digests({path: listed[path] for path in both}, before)
        known = self._known(set(stored.values()))
        changed = [path for path, file in wanted.items() if stored.get(path) != file.sha256]
        foreign = [path for path in changed if path in stored and stored[path] not in known]
        if foreign:
            listing = in_short([f"`{path}`" for path in sorted(foreign)], separator=", ")
            hint = "`proj snapshot pull --tree --into DIR` gets them; then delete them there, or push without `--tree`"
            raise ProjError(f"another tool changed {listing} below `{self._project}/` on the remote", hint=hint)
        gone = [path for path in stored if path not in wanted and stored[path] in known]
        self._store.delete_many([f"{self._project}/{path}" for path in gone])
        self._upload([wanted[path] for path in changed], local)

    def _before(self) -> _Before:
        for one in list_snapshots(self._store, self._project):
            snapshot = read_stored(self._store, one)
            if snapshot.tree:
                entries = entries_of(self._contents, snapshot)
                return _Before({entry.path: entry for entry in entries if isinstance(entry, FileEntry)}, one.modified)
        return _Before({}, 0.0)

    def _digests(self, listed: Mapping[str, Stored], before: _Before) -> dict[str, str]:
        """Return the digests of objects in the tree. Reads those that are not certainly as the last push left them."""
        found: dict[str, str] = {}
        with Workers[tuple[str, str]](self._jobs, self._cancel) as workers:
            for path, stored in listed.items():
                entry = before.files.get(path)
                if entry is not None and entry.size == stored.size and stored.modified <= before.stored:
                    found[path] = entry.sha256
                else:
                    workers.start(partial(self._read, path))
            while workers.running:
                path, digest = workers.wait()
                found[path] = digest
        return found

    def _read(self, path: str) -> tuple[str, str]:
        digest = sha256()
        for chunk in self._store.get(f"{self._project}/{path}"):
            self._cancel.check()
            digest.update(chunk)
        return path, digest.hexdigest()

    def _known(self, digests: set[str]) -> set[str]:
        large = self._contents.large(digests)
        return {digest for digest in digests if digest in large or self._contents.has_small(digest)}

    def _upload(self, files: Sequence[LocalFile], local: LocalFiles) -> None:
        with Workers[None](self._jobs, self._cancel) as workers:
            for file in files:
                workers.start(partial(self._put, file, local))
            while workers.running:
                workers.wait()

    def _put(self, file: LocalFile, local: LocalFiles) -> None:
        try:
            self._store.put(f"{self._project}/{file.path}", _Blocks(local, file), replace=True)
        except NotReadable as problem:
            raise ProjError(f"`{file.path}` cannot be stored in the tree: {problem}", hint="push again") from None
        self._report(events.Transferred(file.path, file.size))


class _Blocks:
    """The bytes of a local file. They can be read more than once."""

    def __init__(self, local: LocalFiles, file: LocalFile) -> None:
        self._local = local
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return self._local.chunks(self._file)


class TreeFiles(NamedTuple):
    """The files of a tree, downloaded. `skipped`: names that no pull restores."""

    entries: tuple[FileEntry, ...]
    skipped: tuple[str, ...]
    staged: Mapping[str, str]  # path -> the downloaded file

    def download(self, entries: Sequence[FileEntry], /) -> Iterator[Sequence[Downloaded]]:
        """Yield some of the files, as a downloader does."""
        yield [Downloaded(entry, self.staged[entry.path]) for entry in entries]


def read_tree(
    store: Store, project: str, root: Path, staging: Path, report: SerialReporter, cancel: Cancel, *, jobs: int
) -> TreeFiles:
    """Download a tree into a staging directory. `root` is where it goes: a local file keeps its mode.

    Raises UsageError if the remote has no tree of the project.
    """
    listed = {one.key.removeprefix(f"{project}/"): one for one in store.list(project)}
    if not listed:
        raise UsageError(f"no tree of `{project}` on the remote", hint="without `--tree`, snapshots are pulled")
    paths, skipped = _usable(list(listed))
    report(events.TransferStarted("pull", len(paths), sum(listed[path].size for path in paths)))
    staged: dict[str, str] = {}
    entries: list[FileEntry] = []

    def fetch(number: int, path: str) -> tuple[FileEntry, str]:
        file = f"{staging}/{number}"
        digest, size = sha256(), 0
        with writing(f"`{path}`"), open(file, "xb") as out:
            for chunk in store.get(f"{project}/{path}"):
                cancel.check()
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                report(events.Transferred(path, len(chunk)))
        return FileEntry(path, _mode(root, path), size, digest.hexdigest()), file

    with Workers[tuple[FileEntry, str]](jobs, cancel) as workers:
        for number, path in enumerate(paths):
            workers.start(partial(fetch, number, path))
        while workers.running:
            try:
                entry, file = workers.wait()
            except NotInStore as error:
                raise StoreError(f"{error.message}: it was just removed", hint="pull again") from None
            entries.append(entry)
            staged[entry.path] = file
    return TreeFiles(tuple(sorted(entries, key=lambda entry: raw(entry.path))), tuple(skipped), staged)


def _usable(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    usable, skipped = [], []
    for path in paths:
        try:
            usable.append(check_path(path))
        except ValueError:
            skipped.append(path)
    return usable, skipped


def _mode(root: Path, path: str) -> int:
    try:
        return os.lstat(root / path).st_mode & 0o777
    except OSError:
        return _NEW_MODE

"""Stores the contents of a snapshot that the remote does not have: small ones packed together, large ones alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from uuid import uuid4

from weaselish.archive.contents import zipped_member
from weaselish.archive.gzip import zipped
from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.snapshot.collect import LocalFile
from weaselish.engine.snapshot.contents import Contents, content_key, index_key, pack_key
from weaselish.engine.snapshot.local_files import Changed, LocalFiles, NotReadable
from weaselish.engine.snapshot.markers import Marker
from weaselish.engine.workers import Workers
from weaselish.named_tuple import NamedTuple
from weaselish.plan.packs import PACK, SMALL, Member, index_bytes
from weaselish.plan.snapshot import Content
from weaselish.stores.base import Store

GRACE = 0.75  # seconds after Ctrl-C in which uploads drop what they stored
_WAITING = 2  # packs that wait for a thread; more would fill the memory
_ATTEMPTS = 3  # at a large file that changes


class Pack(NamedTuple):
    """Small contents that are stored together."""

    name: str
    data: bytes
    members: dict[str, Member]


class Packer:
    """Gathers small contents until a pack is full."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._index: dict[str, Member] = {}
        self._size = 0

    def __contains__(self, name: str) -> bool:
        return name in self._index

    @property
    def is_full(self) -> bool:
        return self._size >= PACK

    def add(self, name: str, data: bytes) -> None:
        self.add_member(name, zipped_member(data), len(data))

    def add_member(self, name: str, member: bytes, size: int) -> None:
        """Add a content that is compressed already."""
        self._index[name] = Member(self._size, len(member), size)
        self._parts.append(member)
        self._size += len(member)

    def take(self) -> Pack | None:
        """Return what was gathered and begin anew. None if that is nothing."""
        if not self._index:
            return None
        pack = Pack(uuid4().hex, b"".join(self._parts), self._index)
        self._parts, self._index, self._size = [], {}, 0
        return pack


def store_pack(store: Store, pack: Pack) -> Pack:
    """Store a pack, and its index after it: a pack without an index counts as missing."""
    store.put(pack_key(pack.name), [pack.data])
    store.put(index_key(pack.name), [index_bytes(pack.members)])
    return pack


class Upload(NamedTuple):
    """One finished upload: a pack, or a large file."""

    pack: Pack | None = None
    problem: tuple[str, str] | None = None  # path, reason


class Uploader:
    """Uploads the contents of one push. `problems` grows with the files that could not be read."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        files: LocalFiles,
        marker: Marker,
        report: SerialReporter,
        cancel: Cancel,
        *,
        jobs: int,
    ) -> None:
        self._store = store
        self._contents = contents
        self._files = files
        self._marker = marker
        self._report = report
        self._cancel = cancel
        self._jobs = jobs
        self._packer = Packer()
        self._packed: set[str] = set()  # in packs that are not stored yet
        self.problems: list[tuple[str, str]] = []
        self.new: list[LocalFile] = []  # whose content the remote did not have, each content once
        self.stored = 0  # bytes that were uploaded, compressed

    def upload(self, files: Iterable[LocalFile]) -> None:
        """Store what the remote lacks of some files. Digests every file on the way."""
        with Workers[Upload](self._jobs, self._cancel, grace=GRACE) as workers:
            large = [file for file in files if self._small(file, workers)]
            self._start_large(large, workers)
            self._start_pack(workers)
            while workers.running:
                self._took(workers.wait())

    def upload_entries(self, data: bytes) -> None:
        """Store the content that lists the entries, unless the remote has it."""
        content = Content(sha256(data).hexdigest(), len(data))
        if not self._contents.missing([content]):
            return
        if content.size > SMALL:
            self._store.put(content_key(content.sha256), _Chunks(lambda: zipped([data])))
            return
        self._packer.add(content.sha256, data)
        pack = self._packer.take()
        assert pack is not None, "something was added"
        self._took(Upload(store_pack(self._store, pack)))

    def _small(self, file: LocalFile, workers: Workers[Upload]) -> bool:
        """Pack a file if it is small and missing on the remote. Return whether it is large."""
        if file.size > SMALL:
            return True
        if file.sha256 is not None and self._is_stored(file.sha256):
            return False
        try:
            data = self._files.read(file)
        except NotReadable as problem:
            self.problems.append((file.path, str(problem)))
            return False
        if len(data) > SMALL:  # it has grown
            return True
        assert file.sha256 is not None, "it was just read"
        if not self._is_stored(file.sha256):
            self._packer.add(file.sha256, data)
            self._packed.add(file.sha256)
            self.new.append(file)
            if self._packer.is_full:
                self._start_pack(workers)
        return False

    def _is_stored(self, name: str) -> bool:
        return name in self._packed or self._contents.has_small(name)

    def _start_pack(self, workers: Workers[Upload]) -> None:
        pack = self._packer.take()
        if pack is not None:
            while workers.running >= self._jobs + _WAITING:
                self._took(workers.wait())
            workers.start(partial(self._store_pack, pack))

    def _store_pack(self, pack: Pack) -> Upload:
        store_pack(self._store, pack)
        self._report(events.Transferred(pack_key(pack.name), sum(member.size for member in pack.members.values())))
        return Upload(pack)

    def _start_large(self, files: list[LocalFile], workers: Workers[Upload]) -> None:
        """Digest the large files that are not known, then upload those that are missing, the largest first."""
        for file in files:
            if file.sha256 is None:
                self._report(events.Preparing(f"hashing `{file.path}`"))
                try:
                    self._files.hash(file, lambda size: self._cancel.check())
                except NotReadable as problem:
                    self.problems.append((file.path, str(problem)))
        files = [file for file in files if self._small(file, workers)]  # without those that have shrunk
        known = {file.sha256: file for file in files if file.sha256 is not None}
        present = self._contents.large(list(known))
        for name, file in sorted(known.items(), key=lambda pair: -pair[1].size):
            if name not in present:
                self.new.append(file)
                workers.start(partial(self._store_large, file))

    def _store_large(self, file: LocalFile) -> Upload:
        for _ in range(_ATTEMPTS):
            assert file.sha256 is not None, "it was hashed"
            try:
                self._store.put(content_key(file.sha256), _Chunks(partial(self._chunks, file)))
                return Upload()
            except Changed as problem:
                reason = problem
            except NotReadable as problem:
                return Upload(problem=(file.path, str(problem)))
            try:
                self._files.hash(file, lambda size: self._cancel.check())
            except NotReadable as problem:
                return Upload(problem=(file.path, str(problem)))
            if file.size <= SMALL:
                break
        return Upload(problem=(file.path, str(reason)))

    def _chunks(self, file: LocalFile) -> Iterator[bytes]:
        def read() -> Iterator[bytes]:
            for block in self._files.chunks(file):
                self._report(events.Transferred(file.path, len(block)))
                yield block

        return zipped(read())

    def _took(self, upload: Upload) -> None:
        self._marker.renew()
        if upload.problem is not None:
            self.problems.append(upload.problem)
        if upload.pack is not None:
            self.stored += len(upload.pack.data)
            self._contents.added(upload.pack.name, len(upload.pack.data), upload.pack.members)
            self._packed.difference_update(upload.pack.members)


class _Chunks:
    """Chunks that can be read more than once, so that the store can repeat an upload."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[bytes]:
        return self._begin()

"""The stat cache: digests by what stat says, so that nothing unchanged is read again.

An entry is trusted only if the file was last changed well before it was looked at, by the file system's own clock: a
file may be rewritten within one tick of that clock without its stat showing it. A broken cache counts as empty.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from weaselish.files.atomic import write_atomically
from weaselish.plan.digests import TREE_SUFFIX, Algorithm, ManifestEntry, digest_bytes, read_manifest

_FORMAT = 3
_SETTLED = 2_000_000_000  # ns: the coarsest clock of a file system in use (FAT) ticks every 2 s
_MOMENT = 50  # ms
_HEADER = struct.Struct("<4sI7q")  # magic, CRC-32 of what follows it, looked, newest, size, files, lengths of parts
_CHECKED_FROM = 8  # bytes of the header before what its CRC is of
_MAGIC = b"PRJ3"
_MARK = struct.Struct("<cqqqQ")
_LATEST = 2**63 - 1  # ns: in the year 2262


class FileStat(NamedTuple):
    """What must be unchanged for a file's bytes to be unchanged."""

    size: int
    mtime: int  # ns
    ctime: int  # ns
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStat:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def settled_at(self, looked: int) -> bool:
        return max(self.mtime, self.ctime) < looked - _SETTLED


def settled_from(newest: int) -> int:
    """When what was last changed at `newest` may be looked at and trusted, in ns."""
    return newest + _SETTLED + 1


Mark = bytes  # of a file `f` and its stat, of a link `l`, its target and a null byte, of an empty directory `d`
Seen = list[tuple[bytes, Mark]]  # what a walk found: (path relative to the directory, mark), by path


def file_mark(status: os.stat_result) -> Mark:
    try:
        return _MARK.pack(b"f", status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    except struct.error:  # beyond the times that fit: one that lies in the future is never trusted
        times = (max(-_LATEST, min(time_ns, _LATEST)) for time_ns in (status.st_mtime_ns, status.st_ctime_ns))
        return _MARK.pack(b"f", status.st_size, *times, status.st_ino)


def link_mark(target: bytes) -> Mark:
    return b"l" + target + b"\0"


EMPTY_DIRECTORY: Mark = b"d"


def stat_of(mark: Mark) -> FileStat | None:
    """What stat said of a file; None if it is none."""
    return FileStat(*_MARK.unpack(mark)[1:]) if mark[:1] == b"f" else None


def target_of(mark: Mark) -> bytes | None:
    """The target of a link; None if it is none."""
    return mark[1:-1] if mark[:1] == b"l" else None


class KnownFiles(NamedTuple):
    """The files of a directory: those whose stat was settled when they were looked at may be trusted."""

    digests: dict[tuple[bytes, Mark], str]  # by path in it and mark
    looked: int


class Stamp(NamedTuple):
    """What stat said of a path: by itself, and of all that lay in it."""

    file: FileStat | None
    tree: bytes | None  # packed

    def is_of(self, other: Stamp) -> bool:
        """Whether nothing was written between the two. Links to a file, and its mode, may have changed."""
        return self == other or self._without_ctime() == other._without_ctime()

    def _without_ctime(self) -> object:
        seen = _unpacked(self.tree or b"")
        return _written(self.file), [(path, _written(stat_of(mark)) or mark) for path, mark in seen]


def _written(status: FileStat | None) -> FileStat | None:
    return status and status._replace(ctime=0)


class _Tree(NamedTuple):
    looked: int
    newest: int  # the latest mtime or ctime of its files
    digest: str
    size: int
    files: int
    seen: bytes  # packed
    manifest: bytes


class StatCache:
    """Digests of files by path, and of directories by the stats of all that they hold. Thread-safe.

    `directory` is None where nothing may be kept on disk; what this process saw is kept in memory all the same.
    """

    def __init__(self, directory: Path | None, algorithm: Algorithm) -> None:
        self._directory = directory
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._files: dict[str, tuple[FileStat, int, str]] | None = None  # path -> stat, looked, digest
        self._trees: dict[tuple[str, str], _Tree | None] = {}  # (path, view)
        self._new_files = False
        self._new_trees: set[tuple[str, str]] = set()

    def long_ago(self) -> int | None:
        """A time in ns that a file modified from now on will not show, in whatever units its file system counts."""
        now = self.now()
        return (now - 2 * _SETTLED) // _SETTLED * _SETTLED if now else None

    def has_ticked_since(self, then: int) -> bool:
        """Whether the file system's clock goes on within a moment: what changes after that has another time."""
        for _ in range(_MOMENT):
            if self.now() > then:
                return True
            time.sleep(0.001)
        return False

    def is_on(self, device: int) -> bool:
        """Whether it is this file system's clock that `now` tells."""
        return self._directory is not None and os.stat(self._directory).st_dev == device

    def now(self) -> int:
        """The file system's clock in ns; 0, which trusts nothing, where it cannot be asked."""
        if self._directory is None:
            return 0
        clock = self._directory / "clock"
        try:
            fd = os.open(clock, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.utime(fd)
                return os.fstat(fd).st_mtime_ns
            finally:
                os.close(fd)
        except OSError:
            return 0

    # -- files ------------------------------------------------------------------------------------------------------

    def file(self, path: str, status: FileStat) -> str | None:
        """The digest of a file that was seen with this stat, or None."""
        known = self._known_files().get(path)
        if known is not None and known[0] == status and status.settled_at(known[1]):
            return known[2]
        return None

    def put_file(self, path: str, status: FileStat, digest: str, looked: int) -> None:
        with self._lock:
            self._new_files = True
        self._known_files()[path] = (status, looked, digest)

    def _known_files(self) -> dict[str, tuple[FileStat, int, str]]:
        with self._lock:
            if self._files is None:
                self._files = self._load_files()
            return self._files

    def _load_files(self) -> dict[str, tuple[FileStat, int, str]]:
        if self._directory is None:
            return {}
        try:
            data = json.loads((self._directory / "files.json").read_bytes())
            if data["format"] != [_FORMAT, self._algorithm]:
                return {}
            return {path: (FileStat(*row[:4]), row[4], row[5]) for path, row in data["files"].items()}
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return {}

    # -- directories ------------------------------------------------------------------------------------------------

    def tree(self, path: str, view: str, seen: Seen) -> tuple[str, int, int] | None:
        """(digest, size, files) of a directory of which all that was seen is the same, or None."""
        tree = self._tree(path, view)
        if tree is None or tree.newest >= tree.looked - _SETTLED or tree.seen != _packed(seen):
            return None
        return tree.digest, tree.size, tree.files

    def stamp(self, path: str, view: str) -> Stamp:
        """What the last look at a path saw of it."""
        with self._lock:
            tree = self._trees.get((path, view))
        known = self._known_files().get(path)
        return Stamp(known and known[0], tree and tree.seen)

    def known_files(self, path: str, view: str) -> KnownFiles:
        tree = self._tree(path, view)
        if tree is None:
            return KnownFiles({}, 0)
        digests = {entry.path: entry.digest for entry in read_manifest(tree.manifest) if entry.kind == "f"}
        known = {(name, mark): digests[name] for name, mark in _unpacked(tree.seen) if name in digests}
        return KnownFiles(known, tree.looked)

    def keep_manifest(self, path: str, view: str, digest: str) -> None:
        """Keep the manifest of a directory that a record names, so that later changes can be told by name."""
        tree = self._tree(path, view)
        if self._directory is None or tree is None or tree.digest != digest:
            return
        file = self._directory / f"manifest-{digest}"
        with contextlib.suppress(OSError):
            if not file.exists():
                write_atomically(file, [tree.manifest])

    def manifest(self, digest: str) -> list[ManifestEntry] | None:
        """The entries of the directory with this digest, if they were kept."""
        for tree in list(self._trees.values()):
            if tree is not None and tree.digest == digest:
                return read_manifest(tree.manifest)
        if self._directory is None:
            return None
        try:
            text = (self._directory / f"manifest-{digest}").read_bytes()
        except OSError:
            return None
        return read_manifest(text) if digest_bytes(text, self._algorithm) + TREE_SUFFIX == digest else None

    def links(self, path: str, view: str) -> list[tuple[bytes, bytes]]:
        """(path, target) of the links in a directory."""
        tree = self._tree(path, view)
        seen = () if tree is None else _unpacked(tree.seen)
        return [(name, target) for name, mark in seen if (target := target_of(mark)) is not None]

    def put_tree(
        self, path: str, view: str, seen: Seen, newest: int, manifest: bytes, looked: int, made: tuple[str, int, int]
    ) -> None:
        """Keep a directory as a walk saw it; `newest` is the last time in its files' stats."""
        digest, size, files = made
        with self._lock:
            self._trees[path, view] = _Tree(looked, newest, digest, size, files, _packed(seen), manifest)
            self._new_trees.add((path, view))

    def _tree_name(self, path: str, view: str) -> str:
        text = json.dumps([self._algorithm, view, path])
        return f"tree-{md5(text.encode('utf-8', 'surrogateescape'), usedforsecurity=False).hexdigest()}"

    def _tree(self, path: str, view: str) -> _Tree | None:
        with self._lock:
            if (path, view) not in self._trees:
                self._trees[path, view] = self._load_tree(path, view)
            return self._trees[path, view]

    def _load_tree(self, path: str, view: str) -> _Tree | None:
        if self._directory is None:
            return None
        try:
            data = memoryview((self._directory / self._tree_name(path, view)).read_bytes())
            magic, check, looked, newest, size, files, *lengths = _HEADER.unpack_from(data)
        except (OSError, struct.error):
            return None
        if magic != _MAGIC or check != crc32(data[_CHECKED_FROM:]) or _HEADER.size + sum(lengths) != len(data):
            return None
        seen_from, manifest_from = _HEADER.size + lengths[0], _HEADER.size + lengths[0] + lengths[1]
        digest = bytes(data[_HEADER.size : seen_from]).decode()
        return _Tree(
            looked, newest, digest, size, files, bytes(data[seen_from:manifest_from]), bytes(data[manifest_from:])
        )

    # -- on disk ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what is new. A cache: whoever writes last wins, and what cannot be written is left."""
        if self._directory is None:
            return
        with self._lock:
            trees = {self._tree_name(path, view): self._trees[path, view] for path, view in self._new_trees}
            files = dict(self._files or {}) if self._new_files else None
            self._new_trees, self._new_files = set(), False
        try:
            for name, tree in trees.items():
                if tree is not None:
                    write_atomically(self._directory / name, _tree_bytes(tree))
            if files is not None:
                rows = {path: [*status, looked, digest] for path, (status, looked, digest) in files.items()}
                text = json.dumps({"format": [_FORMAT, self._algorithm], "files": rows})
                write_atomically(self._directory / "files.json", [text.encode()])
        except OSError:
            pass


def _tree_bytes(tree: _Tree) -> Iterable[bytes]:
    digest = tree.digest.encode()
    lengths = (len(digest), len(tree.seen), len(tree.manifest))
    header = _HEADER.pack(_MAGIC, 0, tree.looked, tree.newest, tree.size, tree.files, *lengths)[_CHECKED_FROM:]
    parts = (header, digest, tree.seen, tree.manifest)
    check = 0
    for part in parts:
        check = crc32(part, check)
    return [struct.pack("<4sI", _MAGIC, check), *parts]


def _packed(seen: Seen) -> bytes:
    return b"".join([path + b"\0" + mark for path, mark in seen])


def _unpacked(packed: bytes) -> Iterator[tuple[bytes, Mark]]:
    position = 0
    while position < len(packed):
        end = packed.index(b"\0", position)
        path, kind = packed[position:end], packed[end + 1 : end + 2]
        start = end + 1
        if kind == b"f":
            position = start + _MARK.size
        else:
            position = packed.index(b"\0", start) + 1 if kind == b"l" else start + 1
        yield path, packed[start:position]

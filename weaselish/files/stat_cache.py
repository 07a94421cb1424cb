"""The stat cache: digests by what stat says. No unchanged file is read again; a broken cache counts as empty."""

from __future__ import annotations

import contextlib
import json
import threading
from hashlib import md5
from pathlib import Path

from weaselish.files.atomic import write_atomically
from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.cached_tree import CachedTree
from weaselish.files.clock import DiskClock
from weaselish.files.file_stat import FileStat, Listing, PackedStat, Stamp, pack_listing, target_of, unpack_listing
from weaselish.files.regular import read_regular
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import TREE_SUFFIX, Algorithm, ManifestEntry, digest_bytes, read_manifest

_FORMAT = 3  # of files*.json; not a promise: another format counts as an empty cache


class CachedFile(NamedTuple):
    """A file as it was hashed."""

    stat: FileStat
    checked_at: int  # ns, by the file system's clock
    digest: str


class CachedFiles(NamedTuple):
    """The files of one directory."""

    digests: dict[tuple[bytes, PackedStat], str]  # by path in the directory and stat
    checked_at: int


class StatCache:
    """Digests of files by path, and of directories by the stats of everything in them. Thread-safe.

    `directory` is None where nothing may be kept on disk. The process then keeps its digests in memory only.
    """

    def __init__(self, directory: Path | None, algorithm: Algorithm, clock: DiskClock) -> None:
        self._directory = directory
        self._algorithm = algorithm
        self._files_name = "files.json" if algorithm == "md5" else f"files-{algorithm}.json"
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, CachedFile] | None = None  # by path
        self._trees: dict[tuple[str, str], CachedTree | None] = {}  # by (path, view)
        self._has_new_files = False
        self._new_trees: set[tuple[str, str]] = set()

    # -- files ------------------------------------------------------------------------------------------------------

    def file(self, path: str, status: FileStat) -> str | None:
        """Return the digest of a file if its stat is unchanged and can be trusted."""
        cached = self._all_files().get(path)
        if cached is None or cached.stat != status or not self._clock.is_settled(status.changed, cached.checked_at):
            return None
        return cached.digest

    def put_file(self, path: str, file: CachedFile) -> None:
        with self._lock:
            self._has_new_files = True
        self._all_files()[path] = file

    def _all_files(self) -> dict[str, CachedFile]:
        with self._lock:
            if self._files is None:
                self._files = self._load_files()
            return self._files

    def _load_files(self) -> dict[str, CachedFile]:
        if self._directory is None:
            return {}
        try:
            data = read_cache(self._directory / self._files_name)
            if data["format"] != [_FORMAT, self._algorithm]:
                return {}
            return {path: CachedFile(FileStat(*row[:4]), row[4], row[5]) for path, row in data["files"].items()}
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return {}

    # -- directories ------------------------------------------------------------------------------------------------

    def tree(self, path: str, view: str, listing: Listing) -> CachedTree | None:
        """Return a directory whose listing is unchanged and can be trusted."""
        tree = self._tree(path, view)
        if tree is None or not self._clock.is_settled(tree.changed, tree.checked_at):
            return None
        return tree if tree.listing == pack_listing(listing) else None

    def put_tree(self, path: str, view: str, tree: CachedTree) -> None:
        with self._lock:
            self._trees[path, view] = tree
            self._new_trees.add((path, view))

    def files_in(self, path: str, view: str) -> CachedFiles:
        """Return the files of a directory with their digests."""
        tree = self._tree(path, view)
        if tree is None:
            return CachedFiles({}, 0)
        by_path = {entry.path: entry.digest for entry in read_manifest(tree.manifest) if entry.kind == "f"}
        digests = {(name, one): by_path[name] for name, one in unpack_listing(tree.listing) if name in by_path}
        return CachedFiles(digests, tree.checked_at)

    def stamp(self, path: str, view: str) -> Stamp:
        """Return what stat said when the path was last digested."""
        with self._lock:
            tree = self._trees.get((path, view))
        cached = self._all_files().get(path)
        return Stamp(cached and cached.stat, tree and tree.listing)

    def links(self, path: str, view: str) -> list[tuple[bytes, bytes]]:
        """Return (path, target) of the links in a directory."""
        tree = self._tree(path, view)
        listing = () if tree is None else unpack_listing(tree.listing)
        return [(name, target) for name, packed in listing if (target := target_of(packed)) is not None]

    def _tree(self, path: str, view: str) -> CachedTree | None:
        with self._lock:
            if (path, view) not in self._trees:
                self._trees[path, view] = self._load_tree(path, view)
            return self._trees[path, view]

    def _load_tree(self, path: str, view: str) -> CachedTree | None:
        if self._directory is None:
            return None
        try:
            return CachedTree.from_bytes(read_regular(self._directory / self._tree_name(path, view)))
        except OSError:
            return None

    def _tree_name(self, path: str, view: str) -> str:
        text = json.dumps([self._algorithm, view, path])
        return f"tree-{md5(text.encode('utf-8', 'surrogateescape'), usedforsecurity=False).hexdigest()}"

    # -- manifests --------------------------------------------------------------------------------------------------

    def keep_manifest(self, path: str, view: str, digest: str) -> None:
        """Keep the manifest of a directory that a record names, so that later changes can be listed by name."""
        tree = self._tree(path, view)
        if self._directory is None or tree is None or tree.digest != digest:
            return
        file = self._directory / f"manifest-{digest}"
        with contextlib.suppress(OSError):
            if not file.exists():
                write_atomically(file, [tree.manifest])

    def manifest(self, digest: str) -> list[ManifestEntry] | None:
        """Return the entries of the directory with this digest; None if its manifest was not kept."""
        for tree in list(self._trees.values()):
            if tree is not None and tree.digest == digest:
                return read_manifest(tree.manifest)
        if self._directory is None:
            return None
        try:
            text = read_regular(self._directory / f"manifest-{digest}")
        except OSError:
            return None
        return read_manifest(text) if digest_bytes(text, self._algorithm) + TREE_SUFFIX == digest else None

    # -- on disk ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write new entries to the disk. The last writer wins; an entry that cannot be written is lost."""
        if self._directory is None:
            return
        with self._lock:
            trees = {self._tree_name(path, view): self._trees[path, view] for path, view in self._new_trees}
            files = dict(self._files or {}) if self._has_new_files else None
            self._new_trees, self._has_new_files = set(), False
        with contextlib.suppress(OSError):
            for name, tree in trees.items():
                if tree is not None:
                    write_atomically(self._directory / name, tree.to_bytes())
            if files is not None:
                rows = {path: [*stat, checked_at, digest] for path, (stat, checked_at, digest) in files.items()}
                data = {"format": [_FORMAT, self._algorithm], "files": rows}
                write_cache(self._directory / self._files_name, data)

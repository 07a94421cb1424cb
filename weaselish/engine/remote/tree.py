"""A remote's tree: `<quote_plus(output)>/<command hash>/<content hash>`, and the records below `.proj/runs`."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from urllib.parse import quote_plus

from weaselish.compat import weasel
from weaselish.errors import NotInStore
from weaselish.files.atomic import write_atomically
from weaselish.model.project import Command
from weaselish.plan.record import Record
from weaselish.records.record_format import from_document, to_document
from weaselish.records.untrusted import count, items, text
from weaselish.stores.base import Store, Stored

RUNS = ".proj/runs"
MOST_OF_A_RECORD = 1 << 26  # bytes; a record with 100,000 deps has a tenth of it
_READERS = 8  # records that are read at a time where all are asked for
_OBJECT = re.compile(r"(?!\.\.?/)[A-Za-z0-9_.~%+-]+/[0-9a-f]+/[0-9a-f]+(\.dir)?")


@dataclass(frozen=True, slots=True)
class Published:
    """A run as a remote has it. `objects`: output -> (key, size in the store)."""

    record: Record
    objects: Mapping[str, tuple[str, int]]


class RemoteTree:
    """What a remote holds. Its store is opened, and listed, when it is first asked something. Thread-safe.

    Records never change, so that they are kept in `cache` once read.
    """

    def __init__(self, open_store: Callable[[], Store], cache: Path | None) -> None:
        self._open_store = open_store
        self._file = cache
        self._is_new = False
        self._at_once = False
        self._is_listed = False
        self._folders: dict[str, dict[str, Stored]] = {}  # folder -> what is in it
        self._store: Store | None = None
        self._records: dict[str, dict[str, object]] | None = None  # key -> document, and a mark of what was read
        self._lock = RLock()  # while something of this is got

    @property
    def store(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def list_at_once(self) -> None:
        """One listing for all questions to come, rather than one for each."""
        self._at_once = True

    def below(self, folder: str) -> Mapping[str, Stored]:
        """The objects in `OUTPUT/HASH` or `.proj/runs/KEY`, by key."""
        with self._lock:
            if self._at_once:
                self._list_all()
            elif not self._is_listed and folder not in self._folders:
                self._folders[folder] = {stored.key: stored for stored in self.store.list(folder)}
            return self._folders.get(folder, {})

    def _list_all(self) -> None:
        with self._lock:
            if self._is_listed:
                return
            folders: dict[str, dict[str, Stored]] = {}
            for stored in self.store.list(""):
                folders.setdefault(stored.key.rpartition("/")[0], {})[stored.key] = stored
            self._folders, self._is_listed = folders, True

    def hashes_of(self, output: str) -> list[str]:
        """The command hashes under which a remote has something for an output, its name as in the tree."""
        self._list_all()
        top = f"{output}/"
        return [folder.removeprefix(top) for folder in self._folders if folder.startswith(top)]

    def get(self, key: str) -> Stored | None:
        return self.below(key.rpartition("/")[0]).get(key)

    def published(self, key: str) -> list[tuple[Stored, Published]]:
        """The runs of a command hash, newest first by the store's clock. What is no whole record is passed over."""
        stored = sorted(self.below(f"{RUNS}/{key}").values(), key=lambda one: (one.modified, one.key), reverse=True)
        read = [(one, self.read(one)) for one in stored]
        return [(one, run) for one, run in read if run is not None and one.key == record_key(run.record)]

    def all_published(self) -> list[tuple[Stored, Published]]:
        self._list_all()
        keys = [folder.removeprefix(f"{RUNS}/") for folder in self._folders if folder.startswith(f"{RUNS}/")]
        listed = [stored for key in keys for stored in self.below(f"{RUNS}/{key}").values()]
        with ThreadPoolExecutor(_READERS) as threads:
            list(threads.map(self._document, listed))
        return [found for key in keys for found in self.published(key)]

    def read(self, stored: Stored) -> Published | None:
        """A record that was listed, or None if it is none."""
        return _published(self._document(stored))

    def _document(self, stored: Stored) -> object:
        """What a record says, kept or read; None if it is none."""
        mark = [stored.size, stored.modified]
        known = self._known.get(stored.key)
        if known is None or known.get("mark") not in (mark, [stored.size, None]):
            if stored.size > MOST_OF_A_RECORD:
                return None
            try:
                known = {"document": json.loads(b"".join(self.store.get(stored.key)))}
            except (ValueError, RecursionError, NotInStore):
                return None
        if known.get("mark") != mark:
            self._known[stored.key] = {"mark": mark, "document": known.get("document")}
            self._is_new = True
        return known.get("document")

    def wrote(self, key: str, text: bytes) -> None:
        """We stored this record just now: it need not be read. When that was by the store's clock is not known yet."""
        self._known[key] = {"mark": [len(text), None], "document": json.loads(text)}
        self._is_new = True

    def is_whole(self, run: Published) -> bool:
        """Whether every object of a published run has the size that its record gives it."""
        found = [(self.get(key), size) for key, size in run.objects.values()]
        return all(stored is not None and stored.size == size for stored, size in found)

    def runs_of(self, output: str, *, compat: bool) -> list[Published]:
        """All runs that made `output`. Under `compat: weasel` the tree does not tell them: all records are read."""
        if compat:
            found = self.all_published()
        else:
            found = [pair for key in self.hashes_of(quote_plus(output)) for pair in self.published(key)]
        return [run for _, run in found if output in outputs_of(run.record)]

    # -- what is kept of it -----------------------------------------------------------------------------------------

    @property
    def _known(self) -> dict[str, dict[str, object]]:
        with self._lock:
            if self._records is None:
                self._records = self._load()
            return self._records

    def _load(self) -> dict[str, dict[str, object]]:
        try:
            data = json.loads(self._file.read_bytes()) if self._file else {}
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in data.items() if isinstance(value, dict)} if isinstance(data, dict) else {}

    def save(self) -> None:
        if self._file is not None and self._is_new:
            with contextlib.suppress(OSError):
                write_atomically(self._file, [json.dumps(self._known).encode()])


def _published(document: object) -> Published | None:
    """What a document says, None if it is no record or not one that we can have written."""
    try:
        record = from_document(document)
        objects = _objects(document)
        record_key(record)
    except (KeyError, TypeError, ValueError):
        return None
    if {made.path for made in record.outputs} != objects.keys():
        return None
    if not all(is_object_key(key) for key, _ in objects.values()):
        return None
    return Published(record, objects)


def _objects(document: object) -> dict[str, tuple[str, int]]:
    """Return where each output of a record is stored: output -> (key, size). Raises ValueError and the like."""
    found = document.get("objects") if isinstance(document, dict) else None
    objects = {text(item["path"]): (text(item["key"]), count(item["size"])) for item in items(found)}
    return {path: (key, size) for path, (key, size) in objects.items() if size is not None}


def is_object_key(key: str) -> bool:
    return _OBJECT.fullmatch(key) is not None


def outputs_of(record: Record) -> dict[str, str]:
    """output -> digest"""
    return {made.path: made.digest for made in record.outputs}


def object_keys(command: Command, record: Record, *, compat: bool) -> dict[str, str]:
    """output -> where it lies, of a run. Under `compat: weasel`, by Weasel's hashes and the name as written."""
    if not compat:
        key = record.fingerprint.key
        return {made.path: f"{quote_plus(made.path)}/{key}/{made.digest}" for made in record.outputs}
    digests = record.weasel
    deps = [(command.as_written(path), digests.get(path, digest or "")) for path, digest in record.fingerprint.deps]
    hashed = weasel.command_hash(record.fingerprint.script, deps)
    return {
        made.path: f"{quote_plus(command.as_written(made.path))}/{hashed}/{digests.get(made.path, made.digest)}"
        for made in record.outputs
    }


def record_key(record: Record) -> str:
    return f"{RUNS}/{record.fingerprint.key}/{record.run}.json"


def record_bytes(record: Record, objects: Iterable[tuple[str, str, int]]) -> bytes:
    """The published form of a record: the document, and where each output lies with its size in the store."""
    document = to_document(record)
    document["objects"] = [{"path": path, "key": key, "size": size} for path, key, size in objects]
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape")

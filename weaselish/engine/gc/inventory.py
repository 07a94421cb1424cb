"""Everything that a remote holds, in a temporary database on the disk: memory does not grow with the remote."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from weaselish.cancel import Cancel
from weaselish.engine.artifacts.manifest import is_manifest_key, run_of_manifest
from weaselish.engine.gc.manifests import MANIFESTS
from weaselish.engine.remote.published import RUNS, Published, is_object_key, published_run
from weaselish.engine.remote.tree import LARGEST_RECORD
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore, StoreError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import RECORD_FORMAT, Origin
from weaselish.stores.base import Store, Stored

_BATCH = 500  # rows that are inserted, and records that are read, at a time
_READERS = 8  # records that are read in parallel
_TABLES = """
CREATE TABLE objects (key TEXT PRIMARY KEY, size INTEGER, modified REAL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, record TEXT UNIQUE, run_id INTEGER, command TEXT, key TEXT, modified REAL, seconds REAL,
    removed INTEGER
);
CREATE TABLE outputs (run INTEGER, path TEXT, digest TEXT);
CREATE TABLE deps (run INTEGER, path TEXT, digest TEXT);
CREATE TABLE uses (run INTEGER, object TEXT, PRIMARY KEY (run, object)) WITHOUT ROWID;
CREATE TABLE orphans (object TEXT PRIMARY KEY, since REAL) WITHOUT ROWID;
CREATE TABLE named (key TEXT, run INTEGER, PRIMARY KEY (key, run)) WITHOUT ROWID;
CREATE INDEX outputs_by_run ON outputs (run);
CREATE INDEX outputs_by_path ON outputs (path, digest);
CREATE INDEX deps_by_run ON deps (run);
CREATE INDEX uses_by_object ON uses (object);
"""


class StoredRun(NamedTuple):
    """A run on the remote. `size`: bytes of its objects. `seconds`: what it took; None if it cannot be run again."""

    id: int
    record: str  # the key of its record
    command: str
    key: str
    modified: float
    seconds: float | None
    size: int


class Inventory:
    """The objects and runs of one remote, as one listing found them. Not thread-safe."""

    def __init__(self, store: Store, cancel: Cancel) -> None:
        self._store = store
        self._cancel = cancel
        self._directory = TemporaryDirectory(prefix="proj-gc-")
        self._base = sqlite3.connect(f"{self._directory.name}/inventory", isolation_level=None, check_same_thread=False)
        self._base.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()
        self._directory.cleanup()

    # -- reading the remote -------------------------------------------------------------------------------------------

    def read(self) -> None:
        """List the remote once, and read its records. Raises StoreError for a record of a later version."""
        records: list[Stored] = []
        objects: list[tuple[str, int, float]] = []
        self._base.execute("BEGIN")
        for stored in self._store.list(""):
            if stored.key.startswith(f"{RUNS}/"):
                records.append(stored)
            elif is_manifest_key(stored.key):
                self._add_version(stored)
            elif not stored.key.startswith(MANIFESTS) and is_object_key(stored.key):
                objects.append((stored.key, stored.size, stored.modified))
            if len(objects) >= _BATCH:
                self._add_objects(objects)
            if len(records) >= _BATCH:
                self._add_records(records)
        self._add_objects(objects)
        self._add_records(records)
        self._base.execute("COMMIT")

    def _add_version(self, stored: Stored) -> None:
        """Note the run that a version of an artifact names. Raises StoreError for a manifest of a later version."""
        run = run_of_manifest(self._store, stored.key)
        if run is not None:
            self._base.execute("INSERT OR IGNORE INTO named VALUES (?, ?)", run)

    def is_named(self, run: StoredRun) -> bool:
        """Return whether a version of an artifact names the run."""
        query = "SELECT 1 FROM runs JOIN named ON named.key = runs.key AND named.run = runs.run_id WHERE runs.id = ?"
        return self._base.execute(query, (run.id,)).fetchone() is not None

    def read_new_records(self) -> None:
        """Read the records that were published since. Their objects count as used from now on."""
        known = self._base.execute
        listed = self._store.list(RUNS)
        while batch := list(islice(listed, _BATCH)):
            self._cancel.check()
            new = [one for one in batch if not known("SELECT 1 FROM runs WHERE record = ?", (one.key,)).fetchone()]
            self._add_records(new)

    def _add_objects(self, objects: list[tuple[str, int, float]]) -> None:
        self._cancel.check()
        self._base.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", objects)
        objects.clear()

    def _add_records(self, records: list[Stored]) -> None:
        with Workers[tuple[Stored, Published | None]](_READERS, self._cancel) as workers:
            for stored in records:
                workers.start(partial(self._read_record, stored))
            while workers.running:
                stored, run = workers.wait()
                if run is not None:
                    self._add_run(stored, run)
        records.clear()

    def _read_record(self, stored: Stored) -> tuple[Stored, Published | None]:
        """Read a record; None if it is broken. Raises StoreError if only a later version can read it."""
        if stored.size > LARGEST_RECORD:
            return stored, None
        try:
            document = json.loads(b"".join(self._store.get(stored.key)))
        except (ValueError, RecursionError, NotInStore):
            return stored, None
        run = published_run(document)
        if run is None and isinstance(document, dict) and document.get("format") not in (None, RECORD_FORMAT):
            hint = "upgrade proj: this version cannot tell what the record needs"
            raise StoreError(f"`{stored.key}` was written by a later version of proj", hint=hint)
        return stored, run

    def _add_run(self, stored: Stored, run: Published) -> None:
        record = run.record
        is_repeatable = record.origin in (Origin.RUN, Origin.PULLED, Origin.RESTORED)
        seconds = record.provenance.seconds if is_repeatable and record.provenance else None
        row = (stored.key, record.run, record.command, record.fingerprint.key, stored.modified, seconds, 0)
        added = self._base.execute("INSERT OR IGNORE INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
        if not added.rowcount:  # a directory that changes while it is listed may name a file twice
            return
        number = added.lastrowid
        outputs = [(number, output.path, output.digest) for output in record.outputs]
        deps = [(number, path, digest) for path, digest in record.fingerprint.deps]
        uses = [(number, key) for key, _ in run.objects.values()]
        self._base.executemany("INSERT INTO outputs VALUES (?, ?, ?)", outputs)
        self._base.executemany("INSERT INTO deps VALUES (?, ?, ?)", deps)
        self._base.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", uses)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def runs(self) -> Iterator[StoredRun]:
        """Yield all runs that are not removed, the newest first."""
        rows = self._base.execute(
            "SELECT id, record, command, key, modified, seconds, (SELECT coalesce(sum(size), 0) FROM uses"
            " JOIN objects ON objects.key = uses.object WHERE uses.run = runs.id)"
            " FROM runs WHERE NOT removed ORDER BY modified DESC, run_id DESC"
        )
        return (StoredRun(*row) for row in rows)

    def outputs_of(self, run: StoredRun) -> list[tuple[str, str]]:
        """Return (path, digest) of each output."""
        return self._base.execute("SELECT path, digest FROM outputs WHERE run = ?", (run.id,)).fetchall()

    def has_lost_inputs(self, run: StoredRun) -> bool:
        """Return whether a dep of a run is an output of other runs, none of which has its content any more."""
        query = (
            "SELECT 1 FROM deps WHERE run = ? AND EXISTS (SELECT 1 FROM outputs WHERE outputs.path = deps.path)"
            " AND NOT EXISTS (SELECT 1 FROM outputs WHERE outputs.path = deps.path AND outputs.digest = deps.digest)"
        )
        return self._base.execute(query, (run.id,)).fetchone() is not None

    def remove(self, run: StoredRun) -> int:
        """Count a run as removed. Return the bytes of objects that no other run uses."""
        self._base.execute("UPDATE runs SET removed = 1 WHERE id = ?", (run.id,))
        query = f"SELECT coalesce(sum(size), 0) FROM uses JOIN objects ON key = object WHERE run = ? AND {_UNUSED}"
        size: int = self._base.execute(query, (run.id,)).fetchone()[0]
        return size

    def keep(self, records: Iterable[str]) -> None:
        """Count the runs with these records as not removed."""
        self._base.executemany("UPDATE runs SET removed = 0 WHERE record = ?", ((record,) for record in records))

    def removed_records(self) -> Iterator[str]:
        """Yield the keys of the records of the runs that count as removed."""
        return (key for (key,) in self._base.execute("SELECT record FROM runs WHERE removed"))

    # -- objects ------------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """The bytes of all objects."""
        size: int = self._base.execute("SELECT coalesce(sum(size), 0) FROM objects").fetchone()[0]
        return size

    def used_size(self) -> int:
        """Return the bytes of the objects that runs use."""
        query = f"SELECT coalesce(sum(size), 0) FROM objects WHERE NOT {_UNUSED}"
        size: int = self._base.execute(query).fetchone()[0]
        return size

    def orphans(self) -> Iterator[str]:
        """Yield the objects of removed runs that no other run uses."""
        query = (
            "SELECT DISTINCT object FROM uses JOIN runs ON id = run JOIN objects ON objects.key = object"
            f" WHERE removed AND {_UNUSED}"
        )
        return (key for (key,) in self._base.execute(query))

    def add_orphans(self, keys: Iterable[str], *, since: float) -> None:
        """Note that an earlier collection orphaned these objects. The earliest time counts."""
        query = "INSERT INTO orphans VALUES (?, ?) ON CONFLICT DO UPDATE SET since = min(since, excluded.since)"
        self._base.executemany(query, ((key, since) for key in keys))

    def orphaned_sizes(self, *, before: float) -> tuple[int, int]:
        """Return the bytes of noted orphans that no run uses: of those orphaned `before` a time, and of the others."""
        is_old = "objects.modified < :before AND since < :before"
        query = (
            f"SELECT coalesce(sum(CASE WHEN {is_old} THEN size END), 0),"
            f" coalesce(sum(CASE WHEN {is_old} THEN 0 ELSE size END), 0)"
            f" FROM orphans JOIN objects ON objects.key = orphans.object WHERE {_UNUSED}"
        )
        sizes: tuple[int, int] = self._base.execute(query, {"before": before}).fetchone()
        return sizes

    def unrecorded(self, *, before: float) -> Iterator[tuple[str, int]]:
        """Yield the objects that no record names and that are older, with their sizes."""
        query = (
            "SELECT key, size FROM objects WHERE modified < ? AND NOT EXISTS (SELECT 1 FROM uses WHERE object = key)"
        )
        return (row for row in self._base.execute(query, (before,)))

    def unused(self, keys: Iterable[str], *, before: float) -> list[tuple[str, int]]:
        """Return those of some objects that no run uses and that are older, with their sizes."""
        query = f"SELECT key, size FROM objects WHERE key = ? AND modified < ? AND {_UNUSED}"
        rows = (self._base.execute(query, (key, before)).fetchone() for key in keys)
        return [row for row in rows if row is not None]

    def forget(self, keys: Iterable[str]) -> None:
        """Count objects as deleted."""
        self._base.executemany("DELETE FROM objects WHERE key = ?", ((key,) for key in keys))


_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM uses AS others JOIN runs AS kept ON kept.id = others.run"
    " WHERE others.object = objects.key AND NOT kept.removed)"
)

"""What a remote holds: objects in `<quote_plus(output)>/<key>/<digest>`, and records below `.proj/runs`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import RLock
from urllib.parse import quote_plus

from weaselish.cancel import Cancel
from weaselish.engine.remote.published import RUNS, Published, outputs_of, published_run, record_key
from weaselish.engine.workers import Workers
from weaselish.errors import NotInStore
from weaselish.files.cache_file import read_cache, write_cache
from weaselish.files.strict_json import read_json
from weaselish.stores.base import Store, Stored

LARGEST_RECORD = 1 << 26  # bytes; a record with 100,000 deps has a tenth of it
_READERS = 8  # records that are read at a time


class RemoteTree:
    """What one remote holds. Its store is opened, and listed, on the first question that needs it. Thread-safe.

    Published records never change, so `cache` keeps those that were read.
    """

    def __init__(
        self, open_store: Callable[[], Store], cache: Path | None, cancel: Cancel, *, compress: bool = True
    ) -> None:
        self.compress = compress  # whether new archives are compressed
        self._open_store = open_store
        self._file = cache
        self._cancel = cancel
        self._is_changed = False  # the cache, since it was loaded
        self._at_once = False
        self._is_listed = False
        self._folders: dict[str, dict[str, Stored]] = {}  # folder -> its objects, by key
        self._single: dict[str, Stored | None] = {}  # key -> what the store said of it alone
        self._store: Store | None = None
        self._documents: dict[str, dict[str, object]] | None = None  # key -> document, and a mark of what was read
        self._written: set[str] = set()  # records that were stored since
        self._lock = RLock()  # guards all of the above

    @property
    def identity(self) -> str | None:
        """Return a digest of the remote's URL, None without a cache."""
        return None if self._file is None else self._file.stem

    @property
    def store(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def close(self) -> None:
        """Close the store if it was opened, and save the cache."""
        self.save()
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    # -- objects ------------------------------------------------------------------------------------------------------

    def list_at_once(self) -> None:
        """Answer all questions from one listing of the remote, instead of asking the store each time."""
        self._at_once = True

    def below(self, folder: str) -> Mapping[str, Stored]:
        """Return the objects in `OUTPUT/KEY` or `.proj/runs/KEY`, by key."""
        with self._lock:
            if self._at_once:
                self._list_all()
            if self._is_listed or folder in self._folders:
                return self._folders.get(folder, {})
        listed = {stored.key: stored for stored in self.store.list(folder)}  # several threads may list at a time
        with self._lock:
            return self._folders.setdefault(folder, listed)

    def _list_all(self) -> None:
        with self._lock:
            if self._is_listed:
                return
            folders: dict[str, dict[str, Stored]] = {}
            for count, stored in enumerate(self.store.list("")):
                if not count % 1000:
                    self._cancel.check()
                folders.setdefault(stored.key.rpartition("/")[0], {})[stored.key] = stored
            self._folders, self._is_listed = folders, True

    def hashes_of(self, output: str) -> list[str]:
        """Return the keys (of runs) for which the remote has an object of an output, which is named as in the tree."""
        self._list_all()
        top = f"{output}/"
        return [folder.removeprefix(top) for folder in self._folders if folder.startswith(top)]

    def get(self, key: str) -> Stored | None:
        """Return the object with that key, None if there is none. Asks the store at most once."""
        folder = key.rpartition("/")[0]
        with self._lock:
            if self._at_once or self._is_listed or folder in self._folders:
                return self.below(folder).get(key)
            if key in self._single:
                return self._single[key]
        stored = self.look_up(key)
        with self._lock:
            return self._single.setdefault(key, stored)

    def forget(self, run_key: str) -> None:
        """Forget what is stored for runs with that key: another process has just stored more."""
        with self._lock:
            self._folders = {name: found for name, found in self._folders.items() if not name.endswith(f"/{run_key}")}
            self._single = {key: found for key, found in self._single.items() if f"/{run_key}/" not in key}
            self._is_listed = False

    def look_up(self, key: str) -> Stored | None:
        """Ask the store for one object."""
        return self.store.head(key)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def run(self, key: str, run: int) -> Published | None:
        """Return the run with that key and id, None if its record is missing or broken. Lists nothing."""
        stored = self.get(f"{RUNS}/{key}/{run}.json")
        return None if stored is None else self._run(stored)

    def has_runs(self, key: str) -> bool:
        """Return whether there is anything that may be a record of a run with that key."""
        return bool(self.below(f"{RUNS}/{key}"))

    def published(self, key: str) -> list[tuple[Stored, Published]]:
        """Return the runs with that key, newest first by the store's clock. Skips incomplete and foreign records."""
        stored = sorted(self.below(f"{RUNS}/{key}").values(), key=lambda one: (one.modified, one.key), reverse=True)
        runs = [(one, self._run(one)) for one in stored]
        return [(one, run) for one, run in runs if run is not None]

    def all_published(self) -> list[tuple[Stored, Published]]:
        """Return the runs of all keys."""
        self._list_all()
        keys = [folder.removeprefix(f"{RUNS}/") for folder in self._folders if folder.startswith(f"{RUNS}/")]
        with Workers[object](_READERS, self._cancel) as workers:
            for stored in [stored for key in keys for stored in self.below(f"{RUNS}/{key}").values()]:
                workers.start(partial(self._document, stored))
            while workers.running:
                workers.wait()
        return [pair for key in keys for pair in self.published(key)]

    def is_intact(self, run: Published) -> bool:
        """Return whether every object of a published run has the size that its record gives it."""
        stored = [(self.get(key), size) for key, size in run.objects.values()]
        return all(one is not None and one.size == size for one, size in stored)

    def runs_of(self, output: str, *, compat: bool) -> list[Published]:
        """Return all runs that produced `output`. Under `compat: weasel` this reads all records of the remote."""
        if compat:
            pairs = self.all_published()
        else:
            pairs = [pair for key in self.hashes_of(quote_plus(output)) for pair in self.published(key)]
        return [run for _, run in pairs if output in outputs_of(run.record)]

    # -- records ------------------------------------------------------------------------------------------------------

    def _run(self, stored: Stored) -> Published | None:
        """Read a record. None if it is broken or stored under another run's key."""
        run = published_run(self._document(stored))
        return run if run is not None and stored.key == record_key(run.record) else None

    def _document(self, stored: Stored) -> object:
        """Return the content of a record, from the cache or the store. None if it is not JSON."""
        self._cancel.check()
        mark = [stored.size, stored.modified]
        cached = self._cached.get(stored.key)
        if cached is None or cached.get("mark") not in (mark, [stored.size, None]):
            if stored.size > LARGEST_RECORD:
                return None
            try:
                cached = {"document": read_json(b"".join(self.store.get(stored.key)))}
            except (ValueError, NotInStore):
                return None
        if cached.get("mark") != mark:
            self._cached[stored.key] = {"mark": mark, "document": cached.get("document")}
            self._is_changed = True
        return cached.get("document")

    def wrote(self, key: str, text: bytes) -> None:
        """Keep a record that was just stored, so that it need not be read. Its time by the store is not known yet."""
        self._cached[key] = {"mark": [len(text), None], "document": json.loads(text)}
        self._written.add(key)
        self._is_changed = True

    @property
    def _cached(self) -> dict[str, dict[str, object]]:
        with self._lock:
            if self._documents is None:
                self._documents = self._load()
            return self._documents

    def _load(self) -> dict[str, dict[str, object]]:
        try:
            data = read_cache(self._file) if self._file else {}
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in data.items() if isinstance(value, dict)} if isinstance(data, dict) else {}

    def save(self) -> None:
        """Write the cache, if there is a place for it, without records that are no longer on the remote."""
        if self._file is not None and self._is_changed:
            with contextlib.suppress(OSError):
                write_cache(self._file, self._current_documents())

    def _current_documents(self) -> dict[str, dict[str, object]]:
        documents = dict(self._cached)  # a thread that was left behind may still add to them
        if not self._is_listed:
            return documents
        listed = {key for folder in self._folders.values() for key in folder}
        return {key: document for key, document in documents.items() if key in listed | self._written}

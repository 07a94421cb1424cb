"""Past runs: project.lock and the journals, read together, and what is new folded into the lock."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weaselish.errors import ProjError
from weaselish.files.atomic import writing
from weaselish.files.state_dir import STATE, cache_dir, make_state_dir
from weaselish.locks.flock import locked
from weaselish.model.project import ProjectModel
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.records import journal, lockfile
from weaselish.records.journal import Journal, JournalReader
from weaselish.records.lock_entry import LockEntry, entry_of
from weaselish.records.record_format import BadDocument, from_document, to_document
from weaselish.records.run_state import Attempt, Known, RunState

_FOLD_EVERY = 2.0  # seconds at least between two folds, and twenty times what the last one took


class Records:
    """The records of one project. Thread-safe. Reading never writes, except into an existing cache."""

    def __init__(self, root: Path, project: ProjectModel) -> None:
        self._root = root
        self._project = project
        self._runs = root / STATE / "runs"
        self._lock = threading.RLock()
        self._known = RunState()
        self._file: lockfile.Lock = lockfile.Lock()
        self._file_seen: object = ()
        self._readers: dict[str, JournalReader] = {}
        self._own: Journal | None = None
        self._fold_at = 0.0  # not before then, but at the end
        self.refresh()

    # -- reading ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take in what other processes have written meanwhile."""
        with self._lock:
            self._read_journals()  # before the lock: what a fold takes from here, it has put there
            self._read_lock()

    @property
    def version(self) -> int:
        """Rises with everything that is learned."""
        return self._known.version

    def _read_lock(self) -> None:
        seen = lockfile.modified(self._root)
        if seen == self._file_seen:
            return
        self._file = lockfile.read_lock(self._root, cache=cache_dir(self._root))
        self._file_seen = seen
        self._known.take_lock(self._file.entries)
        self._known.is_unfolded |= self._file.conflicted

    def _read_journals(self) -> None:
        try:
            names = {entry.name for entry in os.scandir(self._runs) if entry.name.endswith(".jsonl")}
        except (FileNotFoundError, NotADirectoryError):
            return
        own = self._own.path.name if self._own else None
        for name in sorted(names | self._readers.keys()):
            if name == own:
                continue
            reader = self._readers.setdefault(name, JournalReader(self._runs / name))
            for line in reader.lines():
                self._known.take_line(line, reader.path)

    def last(self, command: str) -> tuple[Known, ...]:
        """The last record of a command; several where only the disk can tell which holds; nothing if it never ran."""
        with self._lock:
            return self._known.last(command)

    def whole(self, record: Record) -> Record:
        """The record with its sizes and facts, if a journal here still has it; the lock's view of it if not."""
        if record.facts:
            return record
        for path in self._past(record.run):
            for line in JournalReader(path).lines():
                if line.get("event") == "recorded" and (line.get("record") or {}).get("run") == record.run:
                    with contextlib.suppress(BadDocument):
                        known = from_document(line["record"])
                        if known.fingerprint == record.fingerprint:
                            return known
        return record

    def _past(self, run: int) -> Iterator[Path]:
        """The journals in which a run may stand, the likeliest first: they are named by when they were begun."""
        found = []
        for directory in (self._runs, self._runs / journal.PAST):
            with contextlib.suppress(FileNotFoundError):
                found += [path for path in directory.iterdir() if path.suffix == ".jsonl"]
        begun = [(int(path.name.split("-")[0]), path) for path in found if path.name.split("-")[0].isdigit()]
        before = [(at, path) for at, path in begun if at <= run]
        return iter([path for _, path in sorted(before, reverse=True)])

    def unfinished(self, command: str) -> ReasonKind | None:
        """Why the last start of a command outranks its record: it left nothing that may be trusted."""
        with self._lock:
            return self._known.unfinished(command, self._is_alive)

    def last_attempt(self, command: str) -> Attempt | None:
        """Return the last start of a command, unless a later record or reset supersedes it."""
        with self._lock:
            return self._known.last_attempt(command)

    def _is_alive(self, path: Path) -> bool:
        return (self._own is not None and path == self._own.path) or journal.owner_lives(path)

    @property
    def problem(self) -> str | None:
        """Why project.lock counts as empty, if it does."""
        return self._file.problem

    @property
    def conflicted(self) -> tuple[str, ...]:
        """The commands of which a merge conflict left several entries."""
        return tuple(name for name, entries in self._file.entries.items() if len(entries) > 1)

    # -- writing ----------------------------------------------------------------------------------------------------

    def start(self, command: str, key: str, reasons: Sequence[str] = ()) -> int:
        """Note that `command` starts; its run id: microseconds since 1970, or the last id seen plus one."""
        with self._lock:
            self._begin()
            run = self._next_id()
            line = {"event": "started", "run": run, "command": command, "key": key, "at": round(time.time(), 3)}
            self._append({**line, "reasons": list(reasons)})
            return run

    def end(self, command: str, run: int, how: str, **facts: object) -> None:
        """Note that a run ended without a record of its own: `failed`, `interrupted`, `inputs changed` or `pulled`.

        Where that cannot be written, it will count as interrupted.
        """
        with self._lock, contextlib.suppress(ProjError):
            self._append({"event": "ended", "run": run, "command": command, "how": how, **facts})

    def add(self, record: Record) -> None:
        """Keep a record, safe on the disk when this returns, and fold it into the lock soon."""
        document = to_document(record)
        with self._lock:
            own, end = self._write({"event": "recorded", "record": document})
        self._flush(own, end)  # meanwhile other threads may ask, and append
        with self._lock:
            self._known.take_record(record, own.path)
            if time.monotonic() >= self._fold_at:
                with contextlib.suppress(ProjError):  # the last fold will tell
                    self.fold()

    def reset(self, command: str) -> None:
        """Forget what is known of a command: it counts as never run."""
        with self._lock:
            self._begin()
            self._flush(*self._append({"event": "reset", "run": self._next_id(), "command": command}))

    def next_id(self) -> int:
        """A run id for a record that no start was noted for."""
        with self._lock:
            self._begin()
            return self._next_id()

    def _next_id(self) -> int:
        return self._known.next_id(time.time_ns() // 1000)

    def _append(self, line: Mapping[str, Any]) -> tuple[Journal, int]:
        own, end = self._write(line)
        self._known.take_line(line, own.path)
        return own, end

    def _write(self, line: Mapping[str, Any]) -> tuple[Journal, int]:
        """Our journal, and the line's end in it."""
        own = self._begin()
        with writing(f"`{STATE}/runs`"):
            return own, own.append(line)

    def _flush(self, own: Journal, end: int) -> None:
        with writing(f"`{STATE}/runs`"):
            own.flush(end)

    def _begin(self) -> Journal:
        """Our own journal, begun before the first run id in it is drawn: its name says which ids it may hold."""
        if self._own is None:
            with writing(f"`{STATE}`"):
                make_state_dir(self._root)
                self._own = Journal(self._runs)
            self._fold_at = time.monotonic() + _FOLD_EVERY
        return self._own

    def settle(self, command: str, known: Known) -> None:
        """Of several entries of one command, this one holds."""
        with self._lock:
            self._known.settle(command, known)

    def fold(self) -> None:
        """Merge all records into project.lock, and retire the journals that are of no more use. Only runs call this."""
        with self._lock, writing(f"`{lockfile.FILE}`"):
            if not self._known.is_unfolded:
                return
            begun = time.monotonic()
            self._fold_at = begun + _FOLD_EVERY  # also if it fails
            make_state_dir(self._root)
            with locked(self._root / STATE / "locks" / "fold"):
                settled = self._known.settled()
                self.refresh()
                if self._file.problem:
                    lockfile.keep_beside(self._root)
                merged = self._known.merged(self._file.entries, settled)
                self._write_lock({name: self._entry(known) for name, known in merged})
                self._retire_journals()
            self._known.is_unfolded = False
            ended = time.monotonic()
            self._fold_at = ended + max(_FOLD_EVERY, 20 * (ended - begun))

    def _entry(self, known: Known) -> LockEntry:
        if isinstance(known, LockEntry):
            return known
        return entry_of(known, self._project.commands.get(known.command), compat=self._project.compat)

    def _write_lock(self, entries: Mapping[str, LockEntry]) -> None:
        unchanged = {name: (entry,) for name, entry in entries.items()} == dict(self._file.entries)
        if unchanged and not self._file.problem and not self._file.conflicted:
            return
        lockfile.write_lock(self._root, entries, self._project.commands, cache=cache_dir(self._root))
        self._file_seen = ()
        self._read_lock()

    def _retire_journals(self) -> None:
        needed = self._needed_journals()
        for name, reader in list(self._readers.items()):
            if reader.path not in needed and not journal.owner_lives(reader.path) and not reader.grew:
                journal.retire(reader.path)
                del self._readers[name]

    def _needed_journals(self) -> set[Path]:
        here = {reader.path for reader in self._readers.values()} | ({self._own.path} if self._own else set())
        return self._known.needed(here, self._is_alive)

    def close(self) -> None:
        """Fold what there is, and leave the journal to history."""
        with self._lock:
            try:
                self.fold()
            finally:
                self._close_journal()

    def _close_journal(self) -> None:
        if self._own is None:
            return
        path = self._own.path
        self._own.close()
        self._own = None
        if not self._known.is_unfolded and path not in self._needed_journals():
            journal.retire(path)

"""The records of a project: reads project.lock and the journals together, and folds new records into project.lock."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, ProjError
from weaselish.files.atomic import writing
from weaselish.files.state_dir import STATE, cache_dir, make_state_dir
from weaselish.locks.flock import locked
from weaselish.model.project import ProjectModel
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.records import journal, lockfile
from weaselish.records.journal import Journal, JournalReader, journals
from weaselish.records.journal_lines import AttemptEnd, Ended, JournalLine, Recorded, Reset, Started, Submitted
from weaselish.records.lock_entry import LockEntry, entry_of
from weaselish.records.pins import Pin, SourcePin
from weaselish.records.run_ids import new_id
from weaselish.records.run_state import Attempt, RecordOrEntry, RunState

if TYPE_CHECKING:
    from weaselish.records.history import FullRecords

_NONE: Mapping[str, Any] = MappingProxyType({})
_FOLD_EVERY = 2.0  # seconds at least between two folds, and twenty times what the last one took


class Records:
    """The records of one project. Thread-safe. Reading never writes, except into an existing cache."""

    def __init__(self, root: Path, project: ProjectModel, cancel: Cancel | None = None) -> None:
        self._root = root
        self._project = project
        self._cancel = cancel or Cancel()
        self._runs = root / STATE / "runs"
        self._lock = threading.RLock()
        self._state = RunState()
        self._file: lockfile.Lock = lockfile.Lock()
        self._file_version: object = ()  # of project.lock, when it was read
        self._readers: dict[str, JournalReader] = {}
        self._own: Journal | None = None
        self._fold_at = 0.0  # no fold before then, except at the end
        self.refresh()

    # -- reading ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read what other processes have written since. Raises BrokenState for a lock of a later version."""
        with self._lock:
            self._read_journals()  # before the lock: a fold moves records from journals into the lock
            self._read_lock()

    @property
    def version(self) -> int:
        """Rises whenever anything new is read or written."""
        return self._state.version

    def _read_lock(self) -> None:
        version = lockfile.modified(self._root)
        if version == self._file_version:
            return
        self._file = lockfile.read_lock(self._root, cache=cache_dir(self._root))
        self._file_version = version
        self._state.take_lock(self._file.entries)
        self._state.is_unfolded |= self._file.conflicted

    def _read_journals(self) -> None:
        names = {path.name for path in journals(self._runs, with_past=False)}
        own = self._own.path.name if self._own else None
        for name in sorted(names | self._readers.keys()):
            if name == own:
                continue
            reader = self._readers.setdefault(name, JournalReader(self._runs / name))
            for line in reader.lines():
                self._state.take_line(line, reader.path)

    def last(self, command: str) -> tuple[RecordOrEntry, ...]:
        """Return the last record of a command; several where only the disk can decide; nothing if it never ran."""
        with self._lock:
            return self._state.of(command).last()

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that have ever run, as far as is on record; project.yml may no longer have them."""
        with self._lock:
            return self._state.commands

    def complete(self, record: Record) -> Record:
        """Return the record with sizes and provenance if a journal still holds it, else the lock's view of it."""
        return record if record.provenance is not None else self._full.find(record) or record

    def earlier(self, command: str) -> tuple[Record, ...]:
        """Return the last records in all journals, newest first: git may have replaced project.lock by another one."""
        return self._full.last(command) if self._file_version and not self._file.problem else ()

    @cached_property
    def _full(self) -> FullRecords:
        from weaselish.records.history import FullRecords

        return FullRecords(self._runs)

    def unfinished(self, command: str) -> ReasonKind | None:
        """Return why the last start of a command makes its outputs untrustworthy, None if it does not."""
        with self._lock:
            return self._state.of(command).unfinished(self._is_alive)

    def last_attempt(self, command: str) -> Attempt | None:
        """Return the last start of a command, unless a later record or reset supersedes it."""
        with self._lock:
            return self._state.of(command).last_attempt()

    def _is_alive(self, path: Path) -> bool:
        return (self._own is not None and path == self._own.path) or journal.owner_lives(path)

    @property
    def problem(self) -> str | None:
        """Why project.lock counts as empty, if it does. The next fold keeps the broken file beside."""
        return self._file.problem

    @property
    def conflicted(self) -> tuple[str, ...]:
        """The commands of which a merge conflict left several entries."""
        return tuple(name for name, entries in self._file.entries.items() if len(entries) > 1)

    @property
    def pins(self) -> Mapping[str, Pin]:
        """The pinned versions of imported artifacts."""
        return self._file.pins

    @property
    def sources(self) -> Mapping[str, SourcePin]:
        """The pinned commits and digests of named assets."""
        return self._file.sources

    # -- writing ----------------------------------------------------------------------------------------------------

    def start(self, command: str, key: str, reasons: Sequence[str] = ()) -> int:
        """Note that a command starts. Return its run id."""
        with self._lock:
            run = self.next_id()
            self._append(Started(run, command, key, round(time.time(), 3), tuple(reasons)))
            return run

    def submit(self, command: str, run: int, executor: str, handle: str) -> None:
        """Note that a run handed a job to an executor. It is flushed to the disk when this returns."""
        with self._lock:
            own, end = self._append(Submitted(run, command, executor, handle))
        self._flush(own, end)

    def end(
        self,
        command: str,
        run: int,
        how: AttemptEnd,
        *,
        exit_code: int | None = None,
        seconds: float | None = None,
        message: str | None = None,
    ) -> None:
        """Note that a run ended without a record of its own. If that cannot be written, it counts as interrupted."""
        rounded = None if seconds is None else round(seconds, 3)
        with self._lock, contextlib.suppress(ProjError):
            self._append(Ended(run, command, how, exit_code, rounded, message))

    def add(self, record: Record) -> None:
        """Keep a record. It is flushed to the disk when this returns, and soon folded into the lock."""
        with self._lock:
            own, end = self._write(Recorded(record))
        self._flush(own, end)  # other threads may read and append during it
        with self._lock:
            self._state.take_record(record, own.path)
            if time.monotonic() >= self._fold_at:
                with contextlib.suppress(ProjError, Cancelled):  # the last fold reports it
                    self.fold()

    def reset(self, command: str) -> None:
        """Forget all records of a command: it counts as never run."""
        with self._lock:
            self._flush(*self._append(Reset(self.next_id(), command)))

    def next_id(self) -> int:
        """Return a new run id. Begins our journal. Raises BrokenState if there is none."""
        with self._lock:
            self._begin()
            self._state.last_id = new_id(time.time_ns() // 1000, self._state.last_id)
            return self._state.last_id

    def _append(self, line: JournalLine) -> tuple[Journal, int]:
        own, end = self._write(line)
        self._state.take_line(line, own.path)
        return own, end

    def _write(self, line: JournalLine) -> tuple[Journal, int]:
        """Return our journal, and the position of the line's end in it."""
        own = self._begin()
        with writing(f"`{STATE}/runs`"):
            return own, own.append(line)

    def _flush(self, own: Journal, end: int) -> None:
        with writing(f"`{STATE}/runs`"):
            own.flush(end)

    def _begin(self) -> Journal:
        """Return our journal. It begins before its first run id is drawn: its name bounds the ids that it may hold."""
        if self._own is None:
            with writing(f"`{STATE}`"):
                make_state_dir(self._root)
                self._own = Journal(self._runs)
            self._fold_at = time.monotonic() + _FOLD_EVERY
        return self._own

    # -- folding into project.lock ------------------------------------------------------------------------------------

    def settle(self, command: str, chosen: RecordOrEntry) -> None:
        """Keep this one of several entries of a command."""
        with self._lock:
            self._state.settle(command, chosen)

    def pin(self, pins: Mapping[str, Pin] = _NONE, *, sources: Mapping[str, SourcePin] = _NONE) -> None:
        """Write these pins of imported artifacts and of named assets into project.lock, besides all others, at once."""
        self.fold(pins, sources)

    def fold(self, pins: Mapping[str, Pin] = _NONE, sources: Mapping[str, SourcePin] = _NONE) -> None:
        """Merge all records and the pins into project.lock, and retire the journals that are no longer needed.

        Keep a broken project.lock beside the new one. Only subcommands that change something call this.
        """
        with self._lock, writing(f"`{lockfile.FILE}`"):
            if not self._state.is_unfolded and not pins and not sources:
                return
            begun = time.monotonic()
            self._fold_at = begun + _FOLD_EVERY  # also if it fails
            make_state_dir(self._root)
            with locked(self._root / STATE / "locks" / "fold", self._cancel):
                settled = self._state.settled()
                self.refresh()
                if self._file.problem:
                    lockfile.keep_beside(self._root)
                merged = self._state.merged(self._file.entries, settled)
                entries = {name: self._entry(one) for name, one in merged}
                self._write_lock(entries, {**self._file.pins, **pins}, {**self.sources, **sources})
                self._retire_journals()
            self._state.is_unfolded = False
            ended = time.monotonic()
            self._fold_at = ended + max(_FOLD_EVERY, 20 * (ended - begun))

    def _entry(self, one: RecordOrEntry) -> LockEntry:
        if isinstance(one, LockEntry):
            return one
        return entry_of(one, self._project.commands.get(one.command), compat=self._project.compat)

    def _write_lock(
        self, entries: Mapping[str, LockEntry], pins: Mapping[str, Pin], sources: Mapping[str, SourcePin]
    ) -> None:
        unchanged = {name: (entry,) for name, entry in entries.items()} == dict(self._file.entries)
        unchanged &= pins == self._file.pins and sources == self.sources
        if unchanged and not self._file.problem and not self._file.conflicted:
            return
        lockfile.write_lock(self._root, entries, self._project.commands, pins, sources, cache=cache_dir(self._root))
        self._file_version = ()
        self._read_lock()

    def _retire_journals(self) -> None:
        needed = self._needed_journals()
        for name, reader in list(self._readers.items()):
            if reader.path not in needed and not journal.owner_lives(reader.path) and not reader.grew:
                journal.retire(reader.path)
                del self._readers[name]

    def _needed_journals(self) -> set[Path]:
        present = {reader.path for reader in self._readers.values()} | ({self._own.path} if self._own else set())
        return self._state.needed(present, self._is_alive)

    def close(self) -> None:
        """Fold the new records, and retire our journal if it is no longer needed."""
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
        if not self._state.is_unfolded and path not in self._needed_journals():
            journal.retire(path)

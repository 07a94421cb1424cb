"""What is known of past runs: project.lock and the journals, merged in memory, and folded into the lock."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from weaselish.errors import ProjError
from weaselish.model.project import Project
from weaselish.plan.document import BadDocument, from_document, to_document
from weaselish.plan.fingerprint import Record, Why
from weaselish.workspace import journal, lockfile
from weaselish.workspace.journal import Journal, JournalReader
from weaselish.workspace.lock_entry import Entry, entry_of
from weaselish.workspace.os_lock import locked
from weaselish.workspace.state_dir import STATE, cache_dir, make_state_dir, writing

_FOLD_EVERY = 2.0  # seconds at least between two folds, and twenty times what the last one took

Known = Record | Entry  # an Entry: one that Weasel wrote


class _Attempt(NamedTuple):
    """The last start of a command that a journal tells of."""

    run: int
    journal: Path
    ended: str | None = None  # failed, interrupted, inputs changed, pulled; None: not yet, or never


class Records:
    """The records of one project. Thread-safe. Reading never writes, except into an existing cache."""

    def __init__(self, root: Path, project: Project) -> None:
        self._root = root
        self._project = project
        self._runs = root / STATE / "runs"
        self._lock = threading.RLock()
        self._file: lockfile.Lock = lockfile.Lock()
        self._file_seen: object = ()
        self._from_lock: dict[str, tuple[Known, ...]] = {}
        self._recorded: dict[str, Record] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._resets: dict[str, int] = {}  # command -> what is older counts for nothing
        self._reset_in: dict[str, Path] = {}  # command -> the journal that says so
        self._told_in: dict[str, set[Path]] = {}  # command -> the journals that tell of runs of it
        self._readers: dict[str, JournalReader] = {}
        self._own: Journal | None = None
        self._last_id = 0
        self._fold_at = 0.0  # not before then, but at the end
        self._unfolded = False
        self.version = 0  # rises with everything that is learned
        self.refresh()

    # -- reading ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take in what other processes have written meanwhile."""
        with self._lock:
            self._read_journals()  # before the lock: what a fold takes from here, it has put there
            self._read_lock()

    def _read_lock(self) -> None:
        seen = lockfile.modified(self._root)
        if seen == self._file_seen:
            return
        self._file = lockfile.read_lock(self._root, cache=cache_dir(self._root))
        self._file_seen = seen
        self._unfolded |= self._file.conflicted
        self._from_lock = {
            name: tuple(sorted((entry.record() or entry for entry in entries), key=_run_of, reverse=True))
            for name, entries in self._file.entries.items()
        }
        runs = [known.run for group in self._from_lock.values() for known in group if isinstance(known, Record)]
        self._last_id = max([self._last_id, *runs])
        self.version += 1

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
                self._take_in(line, reader.path)

    def _take_in(self, line: Mapping[str, Any], path: Path) -> None:
        event, run, command = line.get("event"), line.get("run"), line.get("command")
        if event == "recorded":
            with contextlib.suppress(BadDocument):
                self._take_record(from_document(line.get("record")), path)
            return
        self.version += 1
        if isinstance(run, int) and isinstance(command, str):
            self._last_id = max(self._last_id, run)
            if event == "reset":
                self._resets[command] = max(run, self._resets.get(command, 0))
                self._reset_in[command] = path
                self._unfolded = True
            else:
                self._told_in.setdefault(command, set()).add(path)
            known = self._attempts.get(command)
            if event == "started" and (known is None or run > known.run):
                self._attempts[command] = _Attempt(run, path)
            elif event == "ended" and known is not None and known.run == run:
                self._attempts[command] = known._replace(ended=str(line.get("how")))

    def _take_record(self, record: Record, path: Path) -> None:
        self.version += 1
        self._last_id = max(self._last_id, record.run)
        known = self._recorded.get(record.command)
        if known is None or record.run > known.run:
            self._recorded[record.command] = record
        self._told_in.setdefault(record.command, set()).add(path)
        self._unfolded = True

    def last(self, command: str) -> tuple[Known, ...]:
        """The last record of a command; several where only the disk can tell which holds; nothing if it never ran."""
        with self._lock:
            reset = self._resets.get(command, 0)
            in_lock = tuple(one for one in self._from_lock.get(command, ()) if not reset or _run_of(one) > reset)
            recorded = self._recorded.get(command)
            if recorded is not None and recorded.run <= reset:
                recorded = None
            if recorded is None:
                return in_lock
            rivals = [known for known in in_lock if not isinstance(known, Record)]
            later = [known for known in in_lock if isinstance(known, Record) and known.run > recorded.run]
            return (*later, recorded, *rivals) if not later else (*later, *rivals)

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

    def unfinished(self, command: str) -> Why | None:
        """Why the last start of a command outranks its record: it left nothing that may be trusted."""
        with self._lock:
            attempt = self._attempts.get(command)
            if attempt is None or attempt.ended in ("failed", "pulled") or attempt.run <= self._resets.get(command, 0):
                return None
            runs = [known.run for known in self.last(command) if isinstance(known, Record)]
            if max(runs, default=0) >= attempt.run:
                return None
            if attempt.ended == "inputs changed":
                return Why.INPUTS_CHANGED
            own = self._own is not None and attempt.journal == self._own.path
            if attempt.ended is None and (own or journal.owner_lives(attempt.journal)):
                return None
            return Why.INTERRUPTED

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
            self._take_record(record, own.path)
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
        self._last_id = max(time.time_ns() // 1000, self._last_id + 1)
        return self._last_id

    def _append(self, line: Mapping[str, Any]) -> tuple[Journal, int]:
        own, end = self._write(line)
        self._take_in(line, own.path)
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
            if known in self._from_lock.get(command, ()):  # not a record that outranks them all
                self._from_lock[command] = (known,)
            self._unfolded = True

    def fold(self) -> None:
        """Merge all records into project.lock, and retire the journals that are of no more use. Only runs call this."""
        with self._lock, writing(f"`{lockfile.FILE}`"):
            if not self._unfolded:
                return
            begun = time.monotonic()
            self._fold_at = begun + _FOLD_EVERY  # also if it fails
            make_state_dir(self._root)
            with locked(self._root / STATE / "locks" / "fold"):
                settled = dict(self._from_lock)
                self.refresh()
                if self._file.problem:
                    lockfile.keep_beside(self._root)
                self._write_lock(dict(self._merged(settled)))
                self._retire_journals()
            self._unfolded = False
            ended = time.monotonic()
            self._fold_at = ended + max(_FOLD_EVERY, 20 * (ended - begun))

    def _merged(self, settled: Mapping[str, tuple[Known, ...]]) -> Iterator[tuple[str, Entry]]:
        for name, entries in self._file.entries.items():
            chosen = settled.get(name, ())
            entry = _entry_for(chosen[0], entries) if len(chosen) == 1 else _latest(entries)
            if name not in self._resets or _run_of(entry.record() or entry) > self._resets[name]:
                yield name, entry
        for name, record in self._recorded.items():
            in_lock = [known.run for known in self._from_lock.get(name, ()) if isinstance(known, Record)]
            if record.run > max([self._resets.get(name, 0), *in_lock]):
                command = self._project.commands.get(name)
                yield name, entry_of(record, command, compat=self._project.compat)

    def _write_lock(self, entries: Mapping[str, Entry]) -> None:
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
        """Those that hold a last word that the lock cannot: of a run without an end, or a reset of what others tell."""
        needed = {attempt.journal for name, attempt in self._attempts.items() if self.unfinished(name)}
        here = {reader.path for reader in self._readers.values()} | ({self._own.path} if self._own else set())
        for command, path in self._reset_in.items():
            if self._told_in.get(command, set()) & here - {path}:
                needed.add(path)
        return needed

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
        if not self._unfolded and path not in self._needed_journals():
            journal.retire(path)


def _entry_for(known: Known, entries: tuple[Entry, ...]) -> Entry:
    if isinstance(known, Entry):
        return known if known in entries else _latest(entries)
    same = [entry for entry in entries if (record := entry.record()) is not None and record.run == known.run]
    return same[0] if same else _latest(entries)


def _run_of(known: Known) -> int:
    return known.run if isinstance(known, Record) else 0


def _latest(entries: tuple[Entry, ...]) -> Entry:
    return max(entries, key=lambda entry: _run_of(entry.record() or entry))

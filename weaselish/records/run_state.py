"""What is known of past runs: what project.lock says, and what journals tell on top of it. Knows no files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.records.lock_entry import LockEntry
from weaselish.records.record_format import BadDocument, from_document

Known = Record | LockEntry  # an Entry: one that Weasel wrote
Entries = Mapping[str, tuple[LockEntry, ...]]  # of each command; several where a merge conflict left them


class Attempt(NamedTuple):
    """The last start of a command that a journal reports."""

    run: int
    journal: Path
    ended: str | None = None  # failed, interrupted, inputs changed, pulled; None: not yet, or never
    exit_code: int | None = None

    @property
    def has_failed(self) -> bool:
        return self.ended == "failed"


class RunState:
    """Of one project. A journal is known by its path; `is_alive` says whether the process that writes it lives."""

    def __init__(self) -> None:
        self.version = 0  # rises with everything that is learned
        self._last_id = 0  # the highest run id that was seen or given
        self.is_unfolded = False  # there is something that the lock should say
        self._in_lock: dict[str, tuple[Known, ...]] = {}
        self._recorded: dict[str, Record] = {}
        self._attempts: dict[str, Attempt] = {}
        self._resets: dict[str, int] = {}  # command -> what is older counts for nothing
        self._reset_in: dict[str, Path] = {}  # command -> the journal that says so
        self._told_in: dict[str, set[Path]] = {}  # command -> the journals that tell of runs of it

    # -- what is learned --------------------------------------------------------------------------------------------

    def take_lock(self, entries: Entries) -> None:
        """What the lock says now, in place of what it said before."""
        self.version += 1
        self._in_lock = {
            name: tuple(sorted((entry.record() or entry for entry in group), key=_run_of, reverse=True))
            for name, group in entries.items()
        }
        self._last_id = max([self._last_id, *(_run_of(known) for group in self._in_lock.values() for known in group)])

    def take_line(self, line: Mapping[str, Any], journal: Path) -> None:
        """A line of a journal; what is none of ours is passed over."""
        event, run, command = line.get("event"), line.get("run"), line.get("command")
        if event == "recorded":
            with contextlib.suppress(BadDocument):
                self.take_record(from_document(line.get("record")), journal)
            return
        self.version += 1
        if not isinstance(run, int) or not isinstance(command, str):
            return
        self._last_id = max(self._last_id, run)
        if event == "reset":
            self._resets[command] = max(run, self._resets.get(command, 0))
            self._reset_in[command] = journal
            self.is_unfolded = True
        else:
            self._told_in.setdefault(command, set()).add(journal)
        known = self._attempts.get(command)
        if event == "started" and (known is None or run > known.run):
            self._attempts[command] = Attempt(run, journal)
            self.is_unfolded |= known is not None and known.journal != journal  # that journal may go to the past
        elif event == "ended" and known is not None and known.run == run:
            code = line.get("exit_code")
            exit_code = code if isinstance(code, int) else None
            self._attempts[command] = known._replace(ended=str(line.get("how")), exit_code=exit_code)

    def take_record(self, record: Record, journal: Path) -> None:
        self.version += 1
        self._last_id = max(self._last_id, record.run)
        known = self._recorded.get(record.command)
        if known is None or record.run > known.run:
            self._recorded[record.command] = record
        self._told_in.setdefault(record.command, set()).add(journal)
        self.is_unfolded = True

    def settle(self, command: str, known: Known) -> None:
        """Of several entries of one command, this one holds."""
        if known in self._in_lock.get(command, ()):  # not a record that outranks them all
            self._in_lock[command] = (known,)
        self.is_unfolded = True

    def next_id(self, now: int) -> int:
        """A run id that nobody has: `now`, in microseconds since 1970, or the last id seen plus one."""
        self._last_id = max(now, self._last_id + 1)
        return self._last_id

    # -- what it comes to -------------------------------------------------------------------------------------------

    def last(self, command: str) -> tuple[Known, ...]:
        """The last record of a command; several where only the disk can tell which holds; nothing if it never ran."""
        reset = self._resets.get(command, 0)
        in_lock = tuple(one for one in self._in_lock.get(command, ()) if not reset or _run_of(one) > reset)
        recorded = self._recorded.get(command)
        if recorded is None or recorded.run <= reset:
            return in_lock
        rivals = [known for known in in_lock if not isinstance(known, Record)]
        later = [known for known in in_lock if isinstance(known, Record) and known.run > recorded.run]
        return (*later, *rivals) if later else (recorded, *rivals)

    def last_attempt(self, command: str) -> Attempt | None:
        """Return the last start of a command, unless a later record or reset supersedes it."""
        attempt = self._attempts.get(command)
        if attempt is None or attempt.ended == "pulled" or attempt.run <= self._resets.get(command, 0):
            return None
        recorded = max((_run_of(known) for known in self.last(command)), default=0)
        return attempt if attempt.run > recorded else None

    def unfinished(self, command: str, is_alive: Callable[[Path], bool]) -> ReasonKind | None:
        """Return why the last start of a command makes its outputs untrustworthy, None if it does not."""
        attempt = self.last_attempt(command)
        if attempt is None or attempt.has_failed:
            return None
        if attempt.ended == "inputs changed":
            return ReasonKind.INPUTS_CHANGED
        if attempt.ended is None and is_alive(attempt.journal):
            return None
        return ReasonKind.INTERRUPTED

    def needed(self, here: Collection[Path], is_alive: Callable[[Path], bool]) -> set[Path]:
        """Return the journals that hold what the lock cannot: a last run that failed or has no end, or a reset of
        runs that other journals `here` report.
        """
        needed = {
            attempt.journal
            for name in self._attempts
            if (attempt := self.last_attempt(name)) and (attempt.has_failed or self.unfinished(name, is_alive))
        }
        for command, path in self._reset_in.items():
            if self._told_in.get(command, set()) & {*here} - {path}:
                needed.add(path)
        return needed

    def settled(self) -> dict[str, tuple[Known, ...]]:
        """Of each command in the lock, the entries that may hold: one, unless there is a conflict nobody settled."""
        return dict(self._in_lock)

    def merged(self, entries: Entries, settled: Mapping[str, tuple[Known, ...]]) -> Iterator[tuple[str, Known]]:
        """What the lock should say: of its `entries`, and what was settled about them before they were read again, all
        that was not reset; then each record that is later.
        """
        for name, group in entries.items():
            chosen = settled.get(name, ())
            entry = _entry_for(chosen[0], group) if len(chosen) == 1 else _latest(group)
            if name not in self._resets or _run_of(entry.record() or entry) > self._resets[name]:
                yield name, entry
        for name, record in self._recorded.items():
            in_lock = [_run_of(known) for known in self._in_lock.get(name, ())]
            if record.run > max([self._resets.get(name, 0), *in_lock]):
                yield name, record


def _entry_for(known: Known, entries: tuple[LockEntry, ...]) -> LockEntry:
    if isinstance(known, LockEntry):
        return known if known in entries else _latest(entries)
    same = [entry for entry in entries if (record := entry.record()) is not None and record.run == known.run]
    return same[0] if same else _latest(entries)


def _run_of(known: Known) -> int:
    """0 for what Weasel wrote, which is older than all that is ours."""
    return known.run if isinstance(known, Record) else 0


def _latest(entries: tuple[LockEntry, ...]) -> LockEntry:
    return max(entries, key=lambda entry: _run_of(entry.record() or entry))

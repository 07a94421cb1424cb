"""The state of all past runs of a project, merged from project.lock and the journals. Reads no files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from weaselish.named_tuple import NamedTuple
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import Record
from weaselish.records.journal_lines import AttemptEnd, Ended, JournalLine, Recorded, Reset, Started, Submitted
from weaselish.records.lock_entry import LockEntry

RecordOrEntry = Record | LockEntry  # an entry: one that Weasel wrote, or whose block does not count
Entries = Mapping[str, tuple[LockEntry, ...]]  # of each command; several where a merge conflict left them


class SubmittedJob(NamedTuple):
    """A job that outlives the process that submitted it."""

    executor: str  # its name in project.yml
    handle: str


class Attempt(NamedTuple):
    """The last start of a command that a journal reports. `end` is None for one that has not ended, or never will."""

    run: int
    journal: Path
    end: AttemptEnd | None = None
    exit_code: int | None = None
    key: str = ""
    at: float = 0.0  # when it started, in seconds since 1970
    job: SubmittedJob | None = None  # the last one that it handed to an executor

    @property
    def has_failed(self) -> bool:
        return self.end is AttemptEnd.FAILED


class CommandState:
    """Everything that the lock and the journals say about one command."""

    __slots__ = ("attempt", "entries", "in_lock", "journals", "recorded", "reset_in", "reset_run")

    def __init__(self) -> None:
        self.entries: tuple[LockEntry, ...] = ()  # of the lock
        self.in_lock: tuple[RecordOrEntry, ...] = ()  # what they say, without those that were settled
        self.recorded: Record | None = None  # the latest record of the journals
        self.attempt: Attempt | None = None
        self.reset_run = 0  # everything older counts for nothing
        self.reset_in: Path | None = None  # the journal that holds the reset
        self.journals: set[Path] = set()  # those that report runs of the command

    def last(self) -> tuple[RecordOrEntry, ...]:
        """Return the last record; several where only the disk can decide; nothing if the command never ran."""
        reset, recorded, in_lock = self.reset_run, self.recorded, self.in_lock
        if reset:
            in_lock = tuple(one for one in in_lock if _run_of(one) > reset)
        if recorded is None or recorded.run <= reset:
            return in_lock
        rivals = [one for one in in_lock if not isinstance(one, Record)]
        later = [one for one in in_lock if isinstance(one, Record) and one.run > recorded.run]
        return (*later, *rivals) if later else (recorded, *rivals)

    def last_attempt(self) -> Attempt | None:
        """Return the last start, unless a later record or reset supersedes it."""
        attempt = self.attempt
        if attempt is None or attempt.end is AttemptEnd.PULLED or attempt.run <= self.reset_run:
            return None
        return attempt if attempt.run > max(map(_run_of, self.last()), default=0) else None

    def unfinished(self, is_alive: Callable[[Path], bool]) -> ReasonKind | None:
        """Return why the last start makes the outputs untrustworthy, None if it does not."""
        attempt = self.last_attempt()
        if attempt is None or attempt.has_failed:
            return None
        if attempt.end is AttemptEnd.INPUTS_CHANGED:
            return ReasonKind.INPUTS_CHANGED
        if attempt.end is None and is_alive(attempt.journal):
            return None
        return ReasonKind.INTERRUPTED

    def unfolded(self) -> Record | None:
        """Return the record that project.lock should hold, None if the lock holds it or a later one."""
        recorded = self.recorded
        if recorded is None or recorded.run <= max([self.reset_run, *map(_run_of, self.in_lock)]):
            return None
        return recorded


class RunState:
    """Of one project. A journal is named by its path; `is_alive` says whether the process that writes it lives."""

    def __init__(self) -> None:
        self.version = 0  # rises whenever anything new is read
        self.is_unfolded = False  # project.lock lacks something
        self.last_id = 0  # the highest run id that was read or given
        self._commands: dict[str, CommandState] = {}

    def of(self, command: str) -> CommandState:
        """Return the state of a command, for reading."""
        return self._commands.get(command) or CommandState()

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands with a record, or with an attempt that no record supersedes."""
        return tuple(name for name, state in self._commands.items() if state.last() or state.last_attempt())

    # -- reading ----------------------------------------------------------------------------------------------------

    def take_lock(self, entries: Entries) -> None:
        """Take in the lock's entries, in place of those it held before. Decode those that differ."""
        self.version += 1
        for name, group in (dict.fromkeys(self._commands, ()) | dict(entries)).items():
            state = self._state(name)
            if group != state.entries:
                state.entries = group
                records = (entry.record() or entry for entry in group)
                state.in_lock = tuple(sorted(records, key=_run_of, reverse=True))
                self.last_id = max([self.last_id, *map(_run_of, state.in_lock)])

    def take_line(self, line: JournalLine, journal: Path) -> None:
        """Take in a line of a journal."""
        match line:
            case Recorded():
                self.take_record(line.record, journal)
            case Started():
                self._take_start(line, self._seen(line, journal), journal)
            case Submitted():
                state = self._seen(line, journal)
                if state.attempt is not None and state.attempt.run == line.run:
                    state.attempt = state.attempt._replace(job=SubmittedJob(line.executor, line.handle))
            case Ended():
                state = self._seen(line, journal)
                if state.attempt is not None and state.attempt.run == line.run:
                    state.attempt = state.attempt._replace(end=line.how, exit_code=line.exit_code)
            case Reset():
                self._take_reset(line, journal)

    def take_record(self, record: Record, journal: Path) -> None:
        state = self._seen(record, journal)
        if state.recorded is None or record.run > state.recorded.run:
            state.recorded = record
        self.is_unfolded = True

    def _take_start(self, line: Started, state: CommandState, journal: Path) -> None:
        before = state.attempt
        if before is None or line.run > before.run:
            state.attempt = Attempt(line.run, journal, key=line.key, at=line.at)
            self.is_unfolded |= before is not None and before.journal != journal  # that journal may go to the past

    def _take_reset(self, line: Reset, journal: Path) -> None:
        self._note_run(line.run)
        state = self._state(line.command)
        state.reset_run = max(line.run, state.reset_run)
        state.reset_in = journal
        self.is_unfolded = True

    def _seen(self, line: Started | Submitted | Ended | Record, journal: Path) -> CommandState:
        self._note_run(line.run)
        state = self._state(line.command)
        state.journals.add(journal)
        return state

    def _note_run(self, run: int) -> None:
        self.version += 1
        self.last_id = max(self.last_id, run)

    def _state(self, command: str) -> CommandState:
        state = self._commands.get(command)
        if state is None:
            state = self._commands[command] = CommandState()
        return state

    def settle(self, command: str, chosen: RecordOrEntry) -> None:
        """Keep this one of several entries of a command."""
        state = self._state(command)
        if chosen in state.in_lock:  # not a record that outranks them all
            state.in_lock = (chosen,)
        self.is_unfolded = True

    # -- folding into project.lock ------------------------------------------------------------------------------------

    def needed(self, journals: Collection[Path], is_alive: Callable[[Path], bool]) -> set[Path]:
        """Return the journals that hold what project.lock cannot.

        That is a last run that failed or has no end, or a reset of runs that other `journals` report.
        """
        needed: set[Path] = set()
        for state in self._commands.values():
            attempt = state.last_attempt()
            if attempt is not None and (attempt.has_failed or state.unfinished(is_alive)):
                needed.add(attempt.journal)
            if state.reset_in is not None and state.journals & {*journals} - {state.reset_in}:
                needed.add(state.reset_in)
        return needed

    def settled(self) -> dict[str, tuple[RecordOrEntry, ...]]:
        """Return the entries of each command that may hold: one, or several of an unsettled merge conflict."""
        return {name: state.in_lock for name, state in self._commands.items() if state.in_lock}

    def merged(
        self, entries: Entries, settled: Mapping[str, tuple[RecordOrEntry, ...]]
    ) -> Iterator[tuple[str, RecordOrEntry]]:
        """Yield what project.lock should say: of its `entries` those that were not reset, then every later record.

        `settled` is what was settled about the entries before they were read again.
        """
        for name, group in entries.items():
            chosen, reset = settled.get(name, ()), self.of(name).reset_run
            if len(group) == 1:
                entry = group[0]
            else:
                entry = _entry_for(chosen[0], group) if len(chosen) == 1 else _latest(group)
            if not reset or _run_of(entry.record() or entry) > reset:
                yield name, entry
        for name, state in self._commands.items():
            if (record := state.unfolded()) is not None:
                yield name, record


def _entry_for(chosen: RecordOrEntry, entries: tuple[LockEntry, ...]) -> LockEntry:
    if isinstance(chosen, LockEntry):
        return chosen if chosen in entries else _latest(entries)
    same = [entry for entry in entries if (record := entry.record()) is not None and record.run == chosen.run]
    return same[0] if same else _latest(entries)


def _run_of(one: RecordOrEntry) -> int:
    """Return the run id; 0 for an entry of Weasel's, which is older than every record."""
    return one.run if isinstance(one, Record) else 0


def _latest(entries: tuple[LockEntry, ...]) -> LockEntry:
    return max(entries, key=lambda entry: _run_of(entry.record() or entry))

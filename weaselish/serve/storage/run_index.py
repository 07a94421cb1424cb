"""Keeps the index of records up to date with the journals of one project.

It reads what was appended since it read last. The cost grows with the number of new records, and the memory with none.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, and_, delete, select, update

from weaselish.files.state_dir import STATE
from weaselish.named_tuple import NamedTuple
from weaselish.records.history import PastResult
from weaselish.records.journal import PAST, owner_lives
from weaselish.records.journal_lines import AttemptEnd, Began, Ended, Recorded, Started
from weaselish.records.journal_tail import PlacedLine, lines_after, open_journal
from weaselish.resolved_secrets import without_resolved
from weaselish.serve.storage.database import Database
from weaselish.serve.storage.index_tables import indexed_journals, indexed_projects, indexed_runs
from weaselish.serve.storage.index_writes import project_id, put, rows_by_key
from weaselish.serve.storage.run_row import FETCHED, Mask, Process, RunKey, RunRow, ended_row, recorded_row, started_row

_BATCH = 1000  # lines of one transaction
_QUICK = 0.01  # seconds that listing the past may always take
_SHARE = 50  # a slower listing waits for this many times its duration


class _Journal(NamedTuple):
    """What the index knows about a journal. `size` is that of the file when everything in it was read."""

    position: int = 0
    size: int = -1
    process: Process = Process()
    fetches: tuple[tuple[str, int], ...] = ()
    is_complete: bool = False


class RunIndex:
    """The index of one project. Thread-safe; other processes may index the same project in the same database."""

    def __init__(self, database: Database, root: Path, *, mask: Mask = without_resolved) -> None:
        self._database = database
        self._root = root
        self._runs = root / STATE / "runs"
        self._mask = mask
        self._lock = threading.Lock()  # guards what follows
        self._journals: dict[str, _Journal] = {}  # those that may grow
        self._complete: set[str] | None = None  # names of the others; None before the first look
        self._past_listed = (0, 0.0)  # the change time of the directory, and when it may be listed again
        with database.writing() as connection:
            self.project = project_id(connection, str(root))

    def refresh(self, *, wait: bool = True) -> bool:
        """Index what is new in the journals. Return whether a row may have changed. Raises DatabaseError.

        Without `wait`, return at once if another thread does it.
        """
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            if self._complete is None:
                self._load()
            return self._read_new(self._present())
        finally:
            self._lock.release()

    def _load(self) -> None:
        with self._database.reading() as connection:
            table = indexed_journals
            for row in connection.execute(select(table).where(table.c.project == self.project)):
                fetches = tuple(json.loads(row.fetches).items())
                self._journals[row.name] = _Journal(
                    row.position, -1, Process(*json.loads(row.process)), fetches, row.is_complete
                )
        self._complete = {name for name, journal in self._journals.items() if journal.is_complete}
        for name in self._complete:
            del self._journals[name]

    # -- which journals there are -----------------------------------------------------------------------------------

    def _present(self) -> dict[str, bool]:
        """Return the journals that may have news, and whether each is in the past."""
        assert self._complete is not None
        current = _listed(self._runs)
        if current is None or not os.path.isdir(self._root):  # it vanished, or cannot be read: what is indexed stays
            return {}
        present = dict.fromkeys(sorted(current - self._complete), False)
        past = self._new_in_the_past()
        if past is not None:
            self._forget((self._complete | self._journals.keys()) - past - current)
            present |= dict.fromkeys(sorted(past - self._complete), True)
        for name in self._journals.keys() - present.keys():
            if os.path.exists(self._runs / PAST / name):
                present[name] = True
        return present

    def _new_in_the_past(self) -> set[str] | None:
        """Return the journals in the past; None if there is nothing new, or listing them again is not yet due."""
        try:
            changed = os.stat(self._runs / PAST).st_mtime_ns
        except FileNotFoundError:
            return set()
        except OSError:
            return None
        if changed == self._past_listed[0] or time.monotonic() < self._past_listed[1]:
            return None
        begun = time.monotonic()
        names = _listed(self._runs / PAST)
        took = time.monotonic() - begun
        is_settled = time.time_ns() - changed > 1_000_000_000  # later changes get another time
        self._past_listed = changed if is_settled else 0, 0.0 if took < _QUICK else begun + _SHARE * took
        return names

    def _forget(self, names: set[str]) -> None:
        """Delete what vanished journals reported."""
        assert self._complete is not None
        for name in names:
            with self._database.writing() as connection:
                _next_version(connection, self.project)
                for table, column in ((indexed_runs, "journal"), (indexed_journals, "name")):
                    connection.execute(delete(table).where(table.c.project == self.project, table.c[column] == name))
            self._complete.discard(name)
            self._journals.pop(name, None)

    # -- what is new in them ----------------------------------------------------------------------------------------

    def _read_new(self, present: dict[str, bool]) -> bool:
        changed = False
        for name, is_past in present.items():
            with suppress(OSError):
                changed |= self._read_journal(name, is_past=is_past)
        return changed

    def _read_journal(self, name: str, *, is_past: bool) -> bool:
        """Read a journal to its end. Return whether a row may have changed. Raises OSError."""
        assert self._complete is not None
        journal, changed = self._journals.get(name, _Journal()), False
        lives = not is_past and not journal.is_complete and owner_lives(self._runs / name)  # first: it may end
        with open_journal(self._runs, name) as file:
            size = os.fstat(file.fileno()).st_size
            if size < journal.position:
                self._forget({name})
                journal = _Journal()
            if not journal.is_complete or size != journal.size:
                lines = lines_after(file, journal.position)
                while batch := list(islice(lines, _BATCH)):
                    journal, changed = self._store(name, journal, batch), True
        if not lives and not journal.is_complete:
            changed |= self._complete_journal(name)
            journal = journal._replace(is_complete=True)
        if is_past:
            self._complete.add(name)
            self._journals.pop(name, None)
        else:
            self._journals[name] = journal._replace(size=size)
        return changed

    def _store(self, name: str, journal: _Journal, batch: list[PlacedLine]) -> _Journal:
        """Store what a batch of lines says, unless another process already did. Return what is known afterwards."""
        with self._database.writing() as connection:
            version = _next_version(connection, self.project)
            table = indexed_journals
            known = connection.execute(
                select(table.c.position).where(table.c.project == self.project, table.c.name == name)
            ).scalar()
            if known is not None and known >= batch[-1].end:
                known_fetches = connection.execute(
                    select(table.c.fetches).where(table.c.project == self.project, table.c.name == name)
                ).scalar_one()
                return journal._replace(position=batch[-1].end, fetches=tuple(json.loads(known_fetches).items()))
            folded = _Folding(connection, self.project, name, journal)
            folded.take(batch)
            put(connection, self.project, folded.rows.values(), version, self._mask)
            journal = journal._replace(
                position=batch[-1].end, process=folded.process, fetches=tuple(folded.fetches.items()), is_complete=False
            )
            _put_journal(connection, self.project, name, journal)
            return journal

    def _complete_journal(self, name: str) -> bool:
        """Mark the runs without an end as interrupted: the process has ended. Return whether there is one."""
        runs, journals = indexed_runs, indexed_journals
        is_open = and_(runs.c.project == self.project, runs.c.journal == name, runs.c.state == PastResult.RUNNING.value)
        with self._database.writing() as connection:
            version = _next_version(connection, self.project)
            connection.execute(
                update(journals)
                .where(journals.c.project == self.project, journals.c.name == name)
                .values(is_complete=True)
            )
            values = {"state": PastResult.INTERRUPTED.value, "version": version}
            return connection.execute(update(runs).where(is_open).values(**values)).rowcount > 0


class _Folding:
    """Folds lines of one journal into rows."""

    def __init__(self, connection: Connection, project: int, name: str, journal: _Journal) -> None:
        self._connection = connection
        self._project = project
        self._name = name
        self.process = journal.process
        self.fetches = dict(journal.fetches)
        self.rows: dict[RunKey, RunRow] = {}

    def take(self, batch: list[PlacedLine]) -> None:
        earlier = rows_by_key(self._connection, self._project, set(self._continued(batch)))
        for line, start, end in batch:
            match line:
                case Began():
                    self.process = Process(line.pid, line.host, line.user)
                case Started():
                    self.fetches.pop(line.command, None)
                    self.rows[line.run, line.command] = started_row(line, self._name, self.process)
                case Ended() if (row := self._row((line.run, line.command), earlier)) is not None:
                    self.rows[line.run, line.command] = ended_row(row, line)
                    if line.how is AttemptEnd.PULLED:
                        self.fetches[line.command] = line.run
                case Recorded(record):
                    is_fetched = record.origin in FETCHED
                    run = self.fetches.get(record.command, record.run) if is_fetched else record.run
                    before = self._row((run, record.command), earlier)
                    row = recorded_row(before, record, self._name, self.process)
                    if row is not before:
                        self.rows[row.run, row.command] = row._replace(
                            journal=self._name, record_start=start, record_end=end
                        )

    def _row(self, key: RunKey, earlier: dict[RunKey, RunRow]) -> RunRow | None:
        return self.rows.get(key) or earlier.get(key)

    def _continued(self, batch: list[PlacedLine]) -> Iterator[RunKey]:
        """Yield the runs that the lines may be about."""
        for line, _, _ in batch:
            if isinstance(line, Ended):
                yield line.run, line.command
            elif isinstance(line, Recorded):
                yield line.record.run, line.record.command
                if (run := self.fetches.get(line.record.command)) is not None:
                    yield run, line.record.command


def _listed(directory: Path) -> set[str] | None:
    """Return the names of the journals in a directory, None if it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            return {entry.name for entry in entries if entry.name.endswith(".jsonl")}
    except FileNotFoundError:
        return set()
    except OSError:
        return None


def _next_version(connection: Connection, project: int) -> int:
    """Raise the project's version and return it. Other processes that index the project wait from now on."""
    table = indexed_projects
    raised = update(table).where(table.c.id == project).values(version=table.c.version + 1).returning(table.c.version)
    return int(connection.execute(raised).scalar_one())


def _put_journal(connection: Connection, project: int, name: str, journal: _Journal) -> None:
    table = indexed_journals
    values = {
        "position": journal.position,
        "is_complete": journal.is_complete,
        "process": json.dumps(journal.process),
        "fetches": json.dumps(dict(journal.fetches)),
    }
    changed = connection.execute(
        update(table).where(table.c.project == project, table.c.name == name).values(**values)
    ).rowcount
    if not changed:
        connection.execute(table.insert().values(project=project, name=name, **values))

"""Questions about runs that the index answers, without reading journals."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Select, and_, bindparam, func, or_, select

from weaselish.files.state_dir import STATE
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.records.history import PastResult
from weaselish.records.journal_tail import record_at
from weaselish.serve.storage.database import Database
from weaselish.serve.storage.index_tables import indexed_projects, indexed_runs
from weaselish.serve.storage.run_row import RunKey, RunRow, from_columns

MOST = 1000  # rows of one answer
_USUAL = 5  # the last successful runs that count for a usual duration


class RunFilter(NamedTuple):
    """Which runs to return. Empty fields select all."""

    commands: Collection[str] = ()
    states: Collection[PastResult] = ()
    journal: str | None = None  # the runs of one `proj` process
    before: RunKey | None = None  # only older ones, for the next page
    has_metrics: bool = False


class RunQueries:
    """Reads the index of one project. Each method raises DatabaseError."""

    def __init__(self, database: Database, project: int, root: Path) -> None:
        self._database = database
        self._project = project
        self._runs = root / STATE / "runs"

    def version(self) -> int:
        """Return the project's version, which rises with each change of its rows."""
        table = indexed_projects
        with self._database.reading() as connection:
            return int(connection.execute(select(table.c.version).where(table.c.id == self._project)).scalar_one())

    def count(self, chosen: RunFilter = RunFilter()) -> int:  # noqa: B008 - frozen
        with self._database.reading() as connection:
            return int(
                connection.execute(select(func.count()).select_from(self._query(chosen).subquery())).scalar_one()
            )

    def runs(self, chosen: RunFilter = RunFilter(), *, most: int = 100) -> list[RunRow]:  # noqa: B008 - frozen
        """Return at most `most` runs, the newest first."""
        table = indexed_runs
        return self._rows(
            self._query(chosen).order_by(table.c.run.desc(), table.c.command.desc()).limit(min(most, MOST))
        )

    def changed_since(self, version: int, *, most: int = MOST) -> list[RunRow]:
        """Return the rows that changed after a version, in that order."""
        table = indexed_runs
        query = select(table).where(table.c.project == self._project, table.c.version > version)
        return self._rows(query.order_by(table.c.version, table.c.run, table.c.command).limit(most))

    def with_id(self, run: int) -> list[RunRow]:
        """Return the runs with an id: one, unless several processes began one in the same microsecond."""
        table = indexed_runs
        return self._rows(select(table).where(table.c.project == self._project, table.c.run == run))

    def next_of(self, command: str, run: int) -> RunRow | None:
        """Return the first run of a command after another."""
        table = indexed_runs
        query = self._query(RunFilter((command,))).where(table.c.run > run).order_by(table.c.run).limit(1)
        return next(iter(self._rows(query)), None)

    def of_journal(self, journal: str, *, most: int) -> list[RunRow]:
        """Return the first runs of one `proj` process, the oldest first, without their texts."""
        table = indexed_runs
        names = ("run", "command", "started", "state", "journal", "seconds", "exit_code", "pid", "host", "user")
        query = select(*(table.c[name] for name in names)).where(
            table.c.project == self._project, table.c.journal == journal
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(table.c.run, table.c.command).limit(most)).all()
        return [RunRow(**row._mapping)._replace(state=PastResult(row.state)) for row in rows]

    def span_of_journal(self, journal: str) -> tuple[int, float]:
        """Return how many runs a `proj` process began, and the seconds from its first start to its last end."""
        table = indexed_runs
        end = func.max(table.c.started + func.coalesce(table.c.seconds, 0.0))
        query = select(func.count(), func.min(table.c.started), end).where(
            table.c.project == self._project, table.c.journal == journal
        )
        with self._database.reading() as connection:
            count, began, ended = connection.execute(query).one()
        return count, ended - began if count else 0.0

    def last_of_each(self, commands: Collection[str] | None = None) -> dict[str, RunRow]:
        """Return the newest run of each of these commands, by default of all."""
        table = indexed_runs
        if commands is not None:
            rows = [row for command in commands for row in self.runs(RunFilter((command,)), most=1)]
            return {row.command: row for row in rows}
        newest = (
            select(table.c.command, func.max(table.c.run).label("run"))
            .where(table.c.project == self._project)
            .group_by(table.c.command)
            .subquery()
        )
        both = and_(table.c.command == newest.c.command, table.c.run == newest.c.run)
        query = select(table).join(newest, both).where(table.c.project == self._project)
        return {row.command: row for row in self._rows(query)}

    def record(self, row: RunRow) -> Record | None:
        """Return the full record of a run, with outputs and deps. None if it has none, or its journal is gone."""
        if row.record_start is None or row.record_end is None:
            return None
        record = record_at(self._runs, row.journal, row.record_start, row.record_end)
        return record if record is not None and record.command == row.command else None

    def usual_seconds(self, commands: Collection[str]) -> dict[str, float]:
        """Return the median duration of the last successful runs of each of these commands."""
        table, done = indexed_runs, PastResult.DONE.value
        query = (
            select(table.c.seconds)
            .where(table.c.project == self._project, table.c.state == done, table.c.seconds.is_not(None))
            .where(table.c.command == bindparam("name"))
            .order_by(table.c.run.desc())
            .limit(_USUAL)
        )
        usual = {}
        with self._database.reading() as connection:
            for command in commands:
                if seconds := connection.execute(query, {"name": command}).scalars().all():
                    usual[command] = statistics.median(seconds)
        return usual

    def _query(self, chosen: RunFilter) -> Select[tuple[object, ...]]:
        table = indexed_runs
        query = select(table).where(table.c.project == self._project)
        if chosen.commands:
            query = query.where(table.c.command.in_(chosen.commands))
        if chosen.states:
            query = query.where(table.c.state.in_([state.value for state in chosen.states]))
        if chosen.journal is not None:
            query = query.where(table.c.journal == chosen.journal)
        if chosen.has_metrics:
            query = query.where(table.c.metrics != "{}")
        if chosen.before is not None:
            run, command = chosen.before
            is_older = table.c.run < run
            query = query.where(
                or_(is_older, and_(table.c.run == run, table.c.command < command)) if command else is_older
            )
        return query

    def _rows(self, query: Select[tuple[object, ...]]) -> list[RunRow]:
        with self._database.reading() as connection:
            return [from_columns(columns) for columns in connection.execute(query).mappings()]

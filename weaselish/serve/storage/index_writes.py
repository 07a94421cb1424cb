"""Writes rows of the index, for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from weaselish.serve.storage.index_tables import indexed_projects, indexed_runs
from weaselish.serve.storage.run_row import Mask, RunKey, RunRow, from_columns, to_columns

_KEYS = 500  # of one query


def project_id(connection: Connection, root: str) -> int:
    """Return the number of a project, and give it one if it has none."""
    table = indexed_projects
    connection.execute(_insert(connection, table).values(root=root, version=0).on_conflict_do_nothing())
    return int(connection.execute(select(table.c.id).where(table.c.root == root)).scalar_one())


def rows_by_key(connection: Connection, project: int, keys: set[RunKey]) -> dict[RunKey, RunRow]:
    """Return the rows that exist among these."""
    found: dict[RunKey, RunRow] = {}
    runs = sorted({run for run, _ in keys})
    for start in range(0, len(runs), _KEYS):
        part = runs[start : start + _KEYS]
        query = select(indexed_runs).where(indexed_runs.c.project == project, indexed_runs.c.run.in_(part))
        for columns in connection.execute(query).mappings():
            row = from_columns(columns)
            if (row.run, row.command) in keys:
                found[row.run, row.command] = row
    return found


def put(connection: Connection, project: int, rows: Iterable[RunRow], version: int, mask: Mask) -> None:
    """Write rows as of a version of the project, in place of older ones."""
    values = [{**to_columns(row, mask), "project": project, "version": version} for row in rows]
    if not values:
        return
    insert = _insert(connection, indexed_runs)
    keys = ("project", "run", "command")
    changed = {column.name: insert.excluded[column.name] for column in indexed_runs.c if column.name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), values)


def _insert(connection: Connection, table: Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)

"""The audit log: actors, actions, times and addresses. Rows are added and, after a year, removed."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table, Text, delete, insert, select

from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata

_KEPT = 365 * 24 * 3600.0  # seconds
_LONGEST = 500  # characters of a text that visitors choose

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("time", Double, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("succeeded", Integer, nullable=False),
)


class Audited(NamedTuple):
    """One row. `actor` is an account, a token or `console:` and a user of the system."""

    time: float
    actor: str
    address: str  # empty for the console
    action: str  # `login`, `user add`, `run` …
    detail: str
    succeeded: bool


def add_audit(database: Database, row: Audited) -> None:
    """Add a row. No text of it may be a secret."""
    texts = {
        field: getattr(row, field)[:_LONGEST].replace("\0", "") for field in ("actor", "address", "action", "detail")
    }
    with database.writing() as connection:
        connection.execute(insert(audit).values(time=row.time, succeeded=int(row.succeeded), **texts))


def list_audit(database: Database, *, most: int = 200, before: float | None = None) -> list[Audited]:
    """Return the newest rows, those older than `before` if given, the newest first."""
    query = select(audit).order_by(audit.c.number.desc()).limit(most)
    if before is not None:
        query = query.where(audit.c.time < before)
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [Audited(row.time, row.actor, row.address, row.action, row.detail, bool(row.succeeded)) for row in rows]


def remove_old_audit(database: Database, *, now: float) -> None:
    with database.writing() as connection:
        connection.execute(delete(audit).where(audit.c.time < now - _KEPT))

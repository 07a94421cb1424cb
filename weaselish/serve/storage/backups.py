"""The scheduled snapshots: which instance makes one, and how it ended."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata

_KEPT = 90 * 24 * 3600.0  # seconds

backups = Table(
    "backups",
    metadata,
    Column("directory", Text, primary_key=True),
    Column("due", Integer, primary_key=True),  # seconds since 1970
    Column("started", Double, nullable=False),
    Column("ended", Double),
    Column("snapshot", Text, nullable=False),
    Column("problem", Text, nullable=False),
)


class BackupRow(NamedTuple):
    """One scheduled snapshot. `ended` is None while it runs, or if its server died; a good one has no `problem`."""

    directory: str
    due: int
    started: float
    ended: float | None
    snapshot: str
    problem: str


def begin_backup(database: Database, directory: str, due: int, *, now: float) -> bool:
    """Claim the backup of a project that is due, and return whether no instance has claimed it before."""
    row = {"directory": directory, "due": due, "started": now, "snapshot": "", "problem": ""}
    try:
        with database.writing(errors=(IntegrityError,)) as connection:
            connection.execute(insert(backups).values(**row))
    except IntegrityError:
        return False
    return True


def end_backup(database: Database, directory: str, due: int, *, now: float, snapshot: str, problem: str) -> None:
    is_it = (backups.c.directory == directory) & (backups.c.due == due)
    with database.writing() as connection:
        connection.execute(update(backups).where(is_it).values(ended=now, snapshot=snapshot, problem=problem))


def release_backup(database: Database, directory: str, due: int) -> None:
    """Give up a claim, so that this or another instance makes the backup later."""
    with database.writing() as connection:
        connection.execute(delete(backups).where((backups.c.directory == directory) & (backups.c.due == due)))


def last_backups(database: Database, *, most: int = 100) -> list[BackupRow]:
    """Return the last backups of all projects, the newest first."""
    query = select(backups).order_by(backups.c.due.desc(), backups.c.directory).limit(most)
    with database.reading() as connection:
        return [
            BackupRow(row.directory, row.due, row.started, row.ended, row.snapshot, row.problem)
            for row in connection.execute(query)
        ]


def remove_old_backups(database: Database, *, now: float) -> None:
    """Forget backups of long ago. Their snapshots stay."""
    with database.writing() as connection:
        connection.execute(delete(backups).where(backups.c.due < now - _KEPT))

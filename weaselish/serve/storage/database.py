"""Opens the database, SQLite or PostgreSQL, and translates its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy import Connection, Engine, MetaData, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from weaselish.errors import ProjError
from weaselish.files.atomic import writing
from weaselish.serve.settings import Settings

FILE = "serve.sqlite"
_PATIENCE = 5.0  # seconds to wait for another writer

_CREATION = 0x70726F6A  # of the lock under which an instance creates tables

metadata = MetaData()


class DatabaseError(ProjError):
    """The dashboard's database does not answer, is locked, or lacks a table. The message has no password.

    Cure: start the database; check `serve.database`.
    """


class Database:
    """The tables of all modules of this package. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for a block that only reads. Raises DatabaseError."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, errors: tuple[type[SQLAlchemyError], ...] = ()) -> Iterator[Connection]:
        """Open a transaction, which an exception rolls back. Raises DatabaseError, but `errors` as they are."""
        with (
            _translated(errors),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def create_tables(self) -> None:
        """Create the tables, indexes and columns that do not exist. Raises DatabaseError."""
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATION})
            metadata.create_all(connection)
            _add_columns(connection)
            for table in metadata.tables.values():
                for index in table.indexes:  # of a table that an earlier version created
                    index.create(connection, checkfirst=True)

    def close(self) -> None:
        self._engine.dispose()


def open_database(settings: Settings, *, patience: float = _PATIENCE) -> Database:
    """Open the database of the settings, create its tables, and wait `patience` seconds for each lock.

    Raises DatabaseError, and ProjError for the directory.
    """
    from weaselish.serve.storage import tables  # noqa: F401 - declares the tables

    database = Database(_postgresql(settings.database) if settings.database else _sqlite(settings, patience))
    database.create_tables()
    return database


def _add_columns(connection: Connection) -> None:
    """Add the columns that tables of an earlier version lack. One that is not null needs a server_default."""
    found = sqlalchemy.inspect(connection)
    for table in metadata.tables.values():
        existing = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in existing:
                definition = CreateColumn(column).compile(connection)
                connection.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN {definition}')


def _sqlite(settings: Settings, patience: float) -> Engine:
    with writing(f"`{settings.data_root}`"):
        settings.data_root.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = settings.data_root / FILE
        path.touch(mode=0o600)
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", connect_args={"timeout": patience})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # `_begin` begins transactions
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Begin a transaction that writes with the lock, so that it waits here and not between its statements."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(address: str) -> Engine:
    _, _, rest = address.partition("://")
    return sqlalchemy.create_engine(
        f"postgresql+psycopg://{rest}", pool_pre_ping=True, connect_args={"connect_timeout": int(_PATIENCE)}
    )


@contextmanager
def _translated(kept: tuple[type[SQLAlchemyError], ...] = ()) -> Iterator[None]:
    try:
        yield
    except kept:
        raise
    except SQLAlchemyError as error:
        locked = "locked" in str(error)
        raise DatabaseError(
            "another process locks the database" if locked else "the database does not answer"
        ) from error

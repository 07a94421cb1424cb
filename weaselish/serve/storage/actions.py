"""What visitors started: by which visitor, when, with which words, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Connection, Double, Integer, Row, Table, Text, func, insert, select, update

from weaselish.errors import Busy, UnknownName
from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata

MOST = 200  # actions of one answer

actions = Table(
    "actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),  # JSON: the command line, with secrets masked
    Column("visitor", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("ended", Double, index=True),
    Column("exit_code", Integer),
    Column("reason", Text),  # why the dashboard ended it
    Column("is_stopping", Boolean, nullable=False),
    Column(
        "root", Text, nullable=False, server_default=""
    ),  # the directory on the host in which the server keeps its actions
)


class ActionRow(NamedTuple):
    """One action. Times in seconds since 1970; `ended` and `exit_code` are None as long as it runs."""

    id: int
    project: str
    kind: str
    words: tuple[str, ...]
    visitor: str
    host: str
    started: float
    ended: float | None
    exit_code: int | None
    reason: str | None
    is_stopping: bool
    root: str

    @property
    def is_running(self) -> bool:
        return self.ended is None


class NewAction(NamedTuple):
    """An action that is about to start. At most `at_once` of its kind run at the same time."""

    project: str
    kind: str
    words: tuple[str, ...]
    visitor: str
    host: str
    root: str
    at_once: int


def add_action(database: Database, new: NewAction, *, now: float) -> int:
    """Store a new action and return its id. Raises Busy if as many run as may."""
    values = new._asdict() | {"words": json.dumps(new.words), "started": now, "is_stopping": False}
    del values["at_once"]
    with database.writing() as connection:
        _one_at_a_time(connection)
        running = select(func.count()).where(actions.c.ended.is_(None), actions.c.kind == new.kind)
        if (count := connection.execute(running).scalar_one()) >= new.at_once:
            raise Busy(
                f"{count} of {new.at_once} possible {_plural(new.kind, new.at_once)} from the dashboard "
                f"{'is' if count == 1 else 'are'} active",
                hint="wait until one ends, or stop it; `limits.runs` in the configuration says how many may be active",
            )
        return int(connection.execute(insert(actions).values(**values).returning(actions.c.id)).scalar_one())


def end_action(database: Database, action: int, *, ended: float, exit_code: int | None, reason: str | None) -> bool:
    """Store how an action ended. Return False if that is stored already."""
    values = {"ended": ended, "exit_code": exit_code, "reason": reason}
    with database.writing() as connection:
        still = update(actions).where(actions.c.id == action, actions.c.ended.is_(None)).values(**values)
        return connection.execute(still).rowcount > 0


def ask_to_stop(database: Database, action: int) -> None:
    """Note that an action should end. The server that started it ends it."""
    with database.writing() as connection:
        connection.execute(update(actions).where(actions.c.id == action).values(is_stopping=True))


def find_action(database: Database, action: int) -> ActionRow:
    """Return an action. Raises UnknownName."""
    with database.reading() as connection:
        row = connection.execute(select(actions).where(actions.c.id == action)).one_or_none()
    if row is None:
        raise UnknownName("action", str(action), [])
    return _action(row)


def running_actions(database: Database, *, host: str, root: str) -> list[ActionRow]:
    """Return the actions without an end that the servers of a host and directory started."""
    is_here = (actions.c.host == host) & (actions.c.root == root)
    query = select(actions).where(actions.c.ended.is_(None), is_here).order_by(actions.c.id)
    with database.reading() as connection:
        return [_action(row) for row in connection.execute(query)]


def last_actions(database: Database, projects: Sequence[str], *, most: int = 50) -> list[ActionRow]:
    """Return the last actions of projects, the newest first."""
    query = select(actions).where(actions.c.project.in_(projects)).order_by(actions.c.id.desc()).limit(min(most, MOST))
    with database.reading() as connection:
        return [_action(row) for row in connection.execute(query)]


def _action(row: Row[tuple[object, ...]]) -> ActionRow:
    values = dict(row._mapping)
    return ActionRow(**values | {"words": tuple(json.loads(row.words))})


def _one_at_a_time(connection: Connection) -> None:
    """Let other servers wait until this transaction ends: two must not count the same free place."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE actions IN SHARE ROW EXCLUSIVE MODE")


def _plural(kind: str, count: int) -> str:
    return kind if count == 1 else {"push": "pushes"}.get(kind, f"{kind}s")

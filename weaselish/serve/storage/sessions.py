"""Sessions: each cookie's digest, the visitor, when it ends."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import Column, Double, Integer, String, Table, Text, delete, insert, select, update

from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata

LONGEST = 7 * 24 * 3600.0  # seconds after which a session ends even if it is used
_TOUCH = 60.0  # seconds between two notes that a session is used

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("role", Integer, nullable=False),  # of visitors that have no account
    Column("has_account", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("used", Double, nullable=False),
)


class Session(NamedTuple):
    """One session. `digest` identifies it; only the visitor's cookie has the value behind it."""

    digest: str
    name: str
    role: int
    has_account: bool
    created: float
    used: float


class Stamp(NamedTuple):
    """What a session depends on: none of another secret is valid."""

    secret: bytes
    now: float


def digest_of(value: str) -> str:
    """Return what the database keeps of a random value: it is long enough that no salt is needed."""
    return hashlib.sha256(value.encode()).hexdigest()


def create_session(database: Database, name: str, role: int, *, has_account: bool, stamp: Stamp) -> str:
    """Store a session and return the value for the cookie."""
    value, now = secrets.token_urlsafe(32), stamp.now
    row = {"digest": _signed(value, stamp), "name": name, "role": role, "has_account": int(has_account)}
    with database.writing() as connection:
        connection.execute(insert(sessions).values(**row, created=now, used=now))
    return value


def find_session(database: Database, value: str, *, stamp: Stamp, idle: float) -> Session | None:
    """Return the session of a cookie, None if it has ended or after `idle` seconds without use."""
    now, is_it = stamp.now, sessions.c.digest == _signed(value, stamp)
    with database.reading() as connection:
        row = connection.execute(select(sessions).where(is_it)).one_or_none()
    if row is None:
        return None
    session = Session(row.digest, row.name, row.role, bool(row.has_account), row.created, row.used)
    if now > session.used + idle or now > session.created + LONGEST:
        return None
    if now > session.used + _TOUCH:
        with database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.digest == session.digest).values(used=now))
    return session


def _signed(value: str, stamp: Stamp) -> str:
    return hmac.new(stamp.secret, b"session:" + value.encode(), hashlib.sha256).hexdigest()


def end_session(database: Database, digest: str) -> None:
    with database.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))


def end_sessions_of(database: Database, name: str) -> int:
    """End all sessions of an account; return how many there were."""
    with database.writing() as connection:
        return connection.execute(delete(sessions).where(sessions.c.name == name)).rowcount


def remove_ended(database: Database, *, now: float, idle: float) -> None:
    """Delete the sessions that have ended."""
    ended = (sessions.c.used < now - idle) | (sessions.c.created < now - LONGEST)
    with database.writing() as connection:
        connection.execute(delete(sessions).where(ended))

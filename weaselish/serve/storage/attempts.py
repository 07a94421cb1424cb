"""Counts failed logins by address and by account, for all instances together."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, Double, Integer, String, Table, delete, insert, select, update

from weaselish.serve.storage.database import Database, metadata
from weaselish.serve.storage.sessions import digest_of

WINDOW = 15 * 60.0  # seconds after which counting begins anew

attempts = Table(
    "attempts",
    metadata,
    Column("digest", String(64), primary_key=True),  # of what is counted: names of accounts may be passwords
    Column("tries", Integer, nullable=False),
    Column("since", Double, nullable=False),
)


def begin_attempt(database: Database, limits: Mapping[str, int], *, now: float) -> float:
    """Count an attempt under each key, and return the seconds to wait: 0 if none has reached its limit.

    It counts before the password is checked, so that attempts at the same time cannot exceed a limit.
    """
    wait = 0.0
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE attempts IN SHARE ROW EXCLUSIVE MODE")
        for key, most in limits.items():
            row = connection.execute(select(attempts).where(attempts.c.digest == digest_of(key))).one_or_none()
            if row is not None and now < row.since + WINDOW and row.tries >= most:
                wait = max(wait, row.since + WINDOW - now)
        for key in limits if not wait else ():
            is_it = attempts.c.digest == digest_of(key)
            fresh = (attempts.c.since > now - WINDOW) & is_it
            if not connection.execute(update(attempts).where(fresh).values(tries=attempts.c.tries + 1)).rowcount:
                connection.execute(delete(attempts).where(is_it))
                connection.execute(insert(attempts).values(digest=digest_of(key), tries=1, since=now))
    return wait


def forget_attempts(database: Database, *keys: str) -> None:
    """Begin counting anew, after a success."""
    with database.writing() as connection:
        connection.execute(delete(attempts).where(attempts.c.digest.in_([digest_of(key) for key in keys])))


def remove_old_attempts(database: Database, *, now: float) -> None:
    with database.writing() as connection:
        connection.execute(delete(attempts).where(attempts.c.since < now - WINDOW))

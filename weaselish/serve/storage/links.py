"""Links that work once: the printed address of a server without accounts, and of the first administrator."""

from __future__ import annotations

import secrets
from enum import StrEnum

from sqlalchemy import Column, ColumnElement, Double, String, Table, delete, insert, select

from weaselish.serve.storage.database import Database, metadata
from weaselish.serve.storage.sessions import digest_of

links = Table(
    "links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("expires", Double, nullable=False),
)


class Purpose(StrEnum):
    """What a link is good for."""

    ENTER = "enter"  # a session without an account
    FIRST_ADMIN = "first-admin"  # the form that creates the first account


def create_link(database: Database, purpose: Purpose, *, expires: float) -> str:
    """Store a link and return its secret part."""
    value = secrets.token_urlsafe(24)
    with database.writing() as connection:
        connection.execute(insert(links).values(digest=digest_of(value), purpose=purpose, expires=expires))
    return value


def is_link(database: Database, purpose: Purpose, value: str, *, now: float) -> bool:
    """Return whether a link can still be used."""
    with database.reading() as connection:
        return connection.execute(select(links.c.purpose).where(_is_it(purpose, value, now))).first() is not None


def use_link(database: Database, purpose: Purpose, value: str, *, now: float) -> bool:
    """Take a link away, and return whether it was there and had not expired. Of two callers one gets it."""
    with database.writing() as connection:
        return connection.execute(delete(links).where(_is_it(purpose, value, now))).rowcount == 1


def remove_expired_links(database: Database, *, now: float) -> None:
    with database.writing() as connection:
        connection.execute(delete(links).where(links.c.expires < now))


def _is_it(purpose: Purpose, value: str, now: float) -> ColumnElement[bool]:
    return (links.c.digest == digest_of(value)) & (links.c.purpose == purpose) & (links.c.expires >= now)

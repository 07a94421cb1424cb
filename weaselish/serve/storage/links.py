"""Links that work once: the printed address of a server without accounts, and of the first administrator."""

from __future__ import annotations

import secrets
from enum import StrEnum

from sqlalchemy import Column, Double, String, Table, delete, insert

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
    """Store a link in place of earlier ones for that purpose, and return its secret part."""
    value = secrets.token_urlsafe(24)
    with database.writing() as connection:
        connection.execute(delete(links).where(links.c.purpose == purpose))
        connection.execute(insert(links).values(digest=digest_of(value), purpose=purpose, expires=expires))
    return value


def use_link(database: Database, purpose: Purpose, value: str, *, now: float) -> bool:
    """Take a link away, and return whether it was there and had not expired. Of two callers one gets it."""
    is_it = (links.c.digest == digest_of(value)) & (links.c.purpose == purpose) & (links.c.expires >= now)
    with database.writing() as connection:
        return connection.execute(delete(links).where(is_it)).rowcount == 1

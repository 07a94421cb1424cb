"""Tokens for scripts: stored as digests, shown once, with an end, revocable."""

from __future__ import annotations

import secrets

from sqlalchemy import Column, Double, Integer, String, Table, Text, delete, insert, select, update

from weaselish.errors import UnknownName
from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata
from weaselish.serve.storage.sessions import digest_of

PREFIX = "proj_"
_TOUCH = 60.0  # seconds between two notes that a token is used

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("used", Double),
)


class Token(NamedTuple):
    """One token. `id` names it; nothing stored gives its value."""

    id: str
    name: str
    role: int
    created: float
    expires: float
    used: float | None


def create_token(database: Database, name: str, role: int, *, now: float, expires: float) -> tuple[str, str]:
    """Store a token; return its id, and its value, which cannot be shown again."""
    value, public = PREFIX + secrets.token_urlsafe(32), secrets.token_hex(4)
    row = {"id": public, "digest": digest_of(value), "name": name, "role": role, "created": now, "expires": expires}
    with database.writing() as connection:
        connection.execute(insert(tokens).values(**row))
    return public, value


def find_token(database: Database, value: str, *, now: float) -> Token | None:
    """Return the token of a value, None if it was revoked or has expired."""
    with database.reading() as connection:
        row = connection.execute(select(tokens).where(tokens.c.digest == digest_of(value))).one_or_none()
    if row is None or now >= row.expires:
        return None
    if row.used is None or now > row.used + _TOUCH:
        with database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == row.id).values(used=now))
    return Token(row.id, row.name, row.role, row.created, row.expires, row.used)


def list_tokens(database: Database) -> list[Token]:
    columns = (tokens.c.id, tokens.c.name, tokens.c.role, tokens.c.created, tokens.c.expires, tokens.c.used)
    with database.reading() as connection:
        return [Token(*row) for row in connection.execute(select(*columns).order_by(tokens.c.created))]


def revoke_token(database: Database, public: str) -> None:
    """Delete a token by its id. Raises UnknownName."""
    with database.writing() as connection:
        if not connection.execute(delete(tokens).where(tokens.c.id == public)).rowcount:
            raise UnknownName("token", public, connection.execute(select(tokens.c.id).limit(1000)).scalars())


def remove_expired_tokens(database: Database, *, now: float) -> None:
    with database.writing() as connection:
        connection.execute(delete(tokens).where(tokens.c.expires < now))

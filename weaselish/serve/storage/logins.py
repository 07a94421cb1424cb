"""Logins that a visitor has begun at the OpenID provider, and that its answer ends."""

from __future__ import annotations

from sqlalchemy import Column, Double, String, Table, Text, delete, insert

from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata
from weaselish.serve.storage.sessions import digest_of

logins = Table(
    "logins",
    metadata,
    Column("digest", String(64), primary_key=True),  # of the state
    Column("browser", String(64), nullable=False),  # the digest of a cookie
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("back", Text, nullable=False),  # the path to go to afterwards
    Column("expires", Double, nullable=False),
)


class Login(NamedTuple):
    """What the answer of the provider is checked with."""

    nonce: str
    verifier: str
    back: str


def begin_login(database: Database, login: Login, *, state: str, browser: str, expires: float) -> None:
    row = {"digest": digest_of(state), "browser": digest_of(browser), "expires": expires, **login._asdict()}
    with database.writing() as connection:
        connection.execute(insert(logins).values(**row))


def take_login(database: Database, *, state: str, browser: str, now: float) -> Login | None:
    """Take away a login that this browser has begun. None for a state that is foreign, used or expired."""
    is_it = (logins.c.digest == digest_of(state)) & (logins.c.browser == digest_of(browser)) & (logins.c.expires >= now)
    returned = (logins.c.nonce, logins.c.verifier, logins.c.back)
    with database.writing() as connection:
        row = connection.execute(delete(logins).where(is_it).returning(*returned)).one_or_none()
    return None if row is None else Login(*row)


def remove_expired_logins(database: Database, *, now: float) -> None:
    with database.writing() as connection:
        connection.execute(delete(logins).where(logins.c.expires < now))

"""Accounts: name, role, and a password or the identity at an OpenID provider."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from weaselish.errors import ProjError, UnknownName, UsageError
from weaselish.named_tuple import NamedTuple
from weaselish.serve.storage.database import Database, metadata
from weaselish.serve.storage.sessions import sessions

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(100), primary_key=True),  # in lower case
    Column("role", Integer, nullable=False),
    Column("password", Text),  # an argon2id hash; none for an account of an OpenID provider
    Column("subject", Text, unique=True),  # issuer and `sub`, from the first login on
    Column("created", Double, nullable=False),
    Column("logged_in", Double),  # the last time
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


class Account(NamedTuple):
    """One account. `has_password` is false for an account of an OpenID provider."""

    name: str
    role: int
    has_password: bool
    has_subject: bool  # has logged in through the provider
    created: float
    logged_in: float | None


def account_name(text: str) -> str:
    """Return a name as the database has it. Raises UsageError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{text}` is not a valid name", hint="letters, digits and `.`, `_`, `@`, `+`, `-`; at most 100"
        )
    return name


def role_of(database: Database, name: str) -> int | None:
    """Return the role of an account, None if it does not exist."""
    with database.reading() as connection:
        return connection.execute(select(accounts.c.role).where(accounts.c.name == name)).scalar()


def has_accounts(database: Database) -> bool:
    with database.reading() as connection:
        return connection.execute(select(accounts.c.name).limit(1)).first() is not None


def list_accounts(database: Database) -> list[Account]:
    with database.reading() as connection:
        return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.name))]


def find_account(database: Database, name: str) -> Account:
    """Return an account. Raises UnknownName."""
    with database.reading() as connection:
        row = connection.execute(select(accounts).where(accounts.c.name == name.lower())).one_or_none()
        if row is None:
            raise _unknown(connection, name)
    return _account(row)


def password_hash(database: Database, name: str) -> str | None:
    """Return the hash of an account's password, None if it has none or does not exist."""
    with database.reading() as connection:
        return connection.execute(select(accounts.c.password).where(accounts.c.name == name.lower())).scalar()


def account_of_subject(database: Database, subject: str) -> Account | None:
    """Return the account that an identity at a provider belongs to."""
    with database.reading() as connection:
        row = connection.execute(select(accounts).where(accounts.c.subject == subject)).one_or_none()
    return None if row is None else _account(row)


def add_account(
    database: Database, name: str, role: int, *, password: str | None, now: float, subject: str | None = None
) -> None:
    """Create an account. Raises ProjError if it exists."""
    row = {"name": account_name(name), "role": role, "password": password, "subject": subject, "created": now}
    try:
        with database.writing(errors=(IntegrityError,)) as connection:
            connection.execute(insert(accounts).values(**row))
    except IntegrityError:
        hint = "`proj serve user role` and `password` change it"
        raise ProjError(f"the account `{row['name']}` exists already", hint=hint) from None


def add_first_account(database: Database, name: str, role: int, *, password: str, now: float) -> None:
    """Create the first account. Raises ProjError if there is one, also if another caller creates it at this moment."""
    row = {"name": account_name(name), "role": role, "password": password, "created": now}
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE accounts IN EXCLUSIVE MODE")
        if connection.execute(select(func.count()).select_from(accounts)).scalar():
            raise ProjError("the first account exists already")
        connection.execute(insert(accounts).values(**row))


def change_role(database: Database, name: str, role: int) -> None:
    """Change the role of an account, at once for its open sessions. Raises UnknownName."""
    _change(database, name, role=role)


def change_password(database: Database, name: str, password: str) -> None:
    """Change the password of an account and end its sessions. Raises UnknownName."""
    _change(database, name, password=password)
    with database.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.name == name.lower()))


def note_login(
    database: Database, name: str, *, now: float, subject: str | None = None, role: int | None = None
) -> None:
    """Note that an account has logged in, with its identity and role at the provider."""
    given = {"subject": subject, "role": role}
    changed = {key: value for key, value in given.items() if value is not None}
    _change(database, name, logged_in=now, **changed)


def remove_account(database: Database, name: str) -> None:
    """Delete an account with its sessions. Raises UnknownName."""
    with database.writing() as connection:
        if not connection.execute(delete(accounts).where(accounts.c.name == name.lower())).rowcount:
            raise _unknown(connection, name)
        connection.execute(delete(sessions).where(sessions.c.name == name.lower()))


def _change(database: Database, name: str, **values: object) -> None:
    with database.writing() as connection:
        if not connection.execute(update(accounts).where(accounts.c.name == name.lower()).values(**values)).rowcount:
            raise _unknown(connection, name)


def _unknown(connection: Connection, name: str) -> UnknownName:
    return UnknownName("account", name, connection.execute(select(accounts.c.name).limit(1000)).scalars())


def _account(row: Row[Any]) -> Account:
    return Account(row.name, row.role, row.password is not None, row.subject is not None, row.created, row.logged_in)

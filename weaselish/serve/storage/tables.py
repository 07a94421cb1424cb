"""The modules that declare tables. `open_database` imports them, so that it creates all tables."""

from __future__ import annotations

from weaselish.serve.storage import (
    accounts,
    actions,
    attempts,
    audit,
    backups,
    index_tables,
    links,
    logins,
    sessions,
    tokens,
)

__all__ = [
    "accounts",
    "actions",
    "attempts",
    "audit",
    "backups",
    "index_tables",
    "links",
    "logins",
    "sessions",
    "tokens",
]

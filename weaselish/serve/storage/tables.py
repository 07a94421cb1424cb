"""The modules that declare tables. `open_database` imports them, so that it creates all tables."""

from __future__ import annotations

from weaselish.serve.storage import actions, index_tables, links, sessions

__all__ = ["actions", "index_tables", "links", "sessions"]

"""The tables of the index of records. It holds nothing that the journals do not: deleting it loses nothing."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from weaselish.serve.storage.database import metadata

indexed_projects = Table(
    "indexed_projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("root", Text, nullable=False, unique=True),
    Column("version", BigInteger, nullable=False),  # rises with each change of the project's rows
)

indexed_journals = Table(
    "indexed_journals",
    metadata,
    Column("project", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),  # bytes that were read
    Column("is_complete", Boolean, nullable=False),  # its process has ended, and everything was read
    Column("process", Text, nullable=False),  # JSON: pid, host and user of the process that writes it, or null
    Column("fetches", Text, nullable=False),  # JSON: command -> the pull or restore whose records follow
)

indexed_runs = Table(
    "indexed_runs",
    metadata,
    Column("project", Integer, primary_key=True, autoincrement=False),
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("command", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("started", Double, nullable=False),  # seconds since 1970
    Column("seconds", Double),
    Column("state", Text, nullable=False),  # the value of a PastResult
    Column("exit_code", Integer),
    Column("message", Text),
    Column("reasons", Text, nullable=False),  # JSON: a list
    Column("metrics", Text, nullable=False),  # JSON: file -> name -> value
    Column("commit", Text),  # empty outside a repository
    Column("is_dirty", Boolean),
    Column("pid", BigInteger),  # of the process that ran it, on `host` for `user`
    Column("host", Text),
    Column("user", Text),
    Column("journal", Text, nullable=False),
    Column("record_start", BigInteger),  # bytes of the journal that hold the record
    Column("record_end", BigInteger),
    Column("version", BigInteger, nullable=False),  # of the project, when this row changed last
    Index("indexed_runs_of_command", "project", "command", "run"),
    Index("indexed_runs_changed", "project", "version"),
    Index("indexed_runs_of_call", "project", "journal", "run", "command"),
    Index("indexed_runs_by_state", "project", "state", "run", "command"),  # as `RunQueries.runs` sorts them
)

"""What SQLite and PostgreSQL must do in the same way: counts, claims and removals, from several connections at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from serve.dashboard import SECRET
from weaselish.errors import ProjError
from weaselish.serve.access.roles import Role
from weaselish.serve.projects import Projects
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Auth, Settings
from weaselish.serve.storage import accounts, attempts, backups, links, logins, sessions, tokens
from weaselish.serve.storage.audit import Audited, add_audit, list_audit
from weaselish.serve.storage.database import Database, DatabaseError, open_database
from weaselish.serve.storage.sessions import Stamp
from weaselish.serve.upkeep import remove_what_ended

NOW = 1_800_000_000.0
YEARS = 3 * 365 * 24 * 3600.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    return open_database(Settings(tmp_path, database=address))


def at_once(work: Callable[[int], object], count: int = 8) -> list[object]:
    """Return what calls in threads returned; a ProjError counts as its message."""
    results: list[object] = []

    def run(number: int) -> None:
        try:
            results.append(work(number))
        except ProjError as error:
            results.append(error.message)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_attempts_at_the_same_time_do_not_exceed_the_limit(database: Database) -> None:
    keys = {"account:at-once": 5, "address:192.0.2.1": 100}
    waits = at_once(lambda number: attempts.begin_attempt(database, keys, now=NOW), 12)
    assert sorted(wait == 0 for wait in waits) == [False] * 7 + [True] * 5
    attempts.forget_attempts(database, "account:at-once")
    assert attempts.begin_attempt(database, keys, now=NOW) == 0


def test_what_can_be_had_once_goes_to_one(database: Database) -> None:
    link = links.create_link(database, links.Purpose.ENTER, expires=NOW)
    uses = at_once(lambda number: links.use_link(database, links.Purpose.ENTER, link, now=NOW))
    assert sorted(map(bool, uses)) == [False] * 7 + [True]
    logins.begin_login(database, logins.Login("n", "v", "/"), state="s", browser="b", expires=NOW)
    taken = at_once(lambda number: logins.take_login(database, state="s", browser="b", now=NOW))
    assert [one for one in taken if one] == [logins.Login("n", "v", "/")]
    claims = at_once(lambda number: backups.begin_backup(database, "/p", 1, now=NOW))
    assert sorted(map(bool, claims)) == [False] * 7 + [True]

    def first(number: int) -> None:
        accounts.add_first_account(database, f"n{number}", Role.ADMIN, password="hash", now=NOW)

    assert sorted(map(str, at_once(first))) == ["None"] + ["the first account exists already"] * 7
    accounts.remove_account(database, accounts.list_accounts(database)[0].name)


def test_accounts_and_sessions(database: Database) -> None:
    accounts.add_account(database, "Ada@acme.com", Role.VIEWER, password=None, now=NOW, subject="issuer 1")
    with pytest.raises(ProjError, match="exists already"):
        accounts.add_account(database, "ada@ACME.com", Role.VIEWER, password=None, now=NOW)
    found = accounts.account_of_subject(database, "issuer 1")
    assert found is not None
    assert (found.name, found.has_password, found.has_subject) == ("ada@acme.com", False, True)
    stamp = Stamp(SECRET.encode(), NOW)
    cookie = sessions.create_session(database, found.name, Role.VIEWER, has_account=True, stamp=stamp)
    assert sessions.find_session(database, cookie, stamp=stamp, idle=1) is not None
    assert sessions.find_session(database, cookie, stamp=Stamp(b"other", NOW), idle=1) is None
    accounts.remove_account(database, found.name)
    assert sessions.find_session(database, cookie, stamp=stamp, idle=1) is None


def test_upkeep_removes_what_has_ended_and_nothing_else(database: Database, tmp_path: Path) -> None:
    serving = Serving(Settings(tmp_path, auth=Auth(SECRET)), Projects({}), database, SECRET.encode(), lambda: NOW)
    kept, gone = serving.stamp, Stamp(serving.secret, NOW - YEARS)
    cookies = [sessions.create_session(database, "a", 1, has_account=True, stamp=stamp) for stamp in (kept, gone)]
    for stamp in (kept, gone):
        tokens.create_token(database, "t", 1, now=stamp.now, expires=stamp.now + 60)
        add_audit(database, Audited(stamp.now, "ada\0", "", "login", "x" * 9999, True))
    remove_what_ended(serving)
    assert sessions.find_session(database, cookies[0], stamp=kept, idle=60) is not None
    assert sessions.find_session(database, cookies[1], stamp=gone, idle=60) is None
    assert [token.created for token in tokens.list_tokens(database)] == [NOW]
    assert [(row.time, row.actor, len(row.detail)) for row in list_audit(database)] == [(NOW, "ada", 500)]
    for token in tokens.list_tokens(database):
        tokens.revoke_token(database, token.id)


def test_a_database_of_an_earlier_version_gets_what_it_lacks(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("alter table actions drop column root"))
        connection.execute(text("drop index indexed_runs_by_state"))
    database.create_tables()
    with database.reading() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("actions")}
        indexes = {index["name"] for index in inspect(connection).get_indexes("indexed_runs")}
    assert ("root" in columns, "indexed_runs_by_state" in indexes) == (True, True)


@pytest.mark.servers
def test_connections_that_the_server_cut_are_opened_again(postgresql: str, tmp_path: Path) -> None:
    database, other = (open_database(Settings(tmp_path, database=postgresql)) for _ in range(2))
    assert isinstance(accounts.has_accounts(database), bool)
    with other.reading() as connection:
        others = (
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = 'proj'"
        )
        assert connection.execute(text(others)).all()
    assert isinstance(accounts.has_accounts(database), bool)


def test_a_database_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    address = "postgresql://proj:hunter2secret@127.0.0.1:9/proj"
    with pytest.raises(DatabaseError, match="the database does not answer") as raised:
        open_database(Settings(tmp_path, database=address))
    assert "hunter2secret" not in raised.value.message
    (tmp_path / "serve.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(DatabaseError):
        open_database(Settings(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(ProjError, match="cannot be written"):
        open_database(Settings(tmp_path / "file" / "data"))

"""Logins with a password: sessions, limits, forms, roles, what no page shows."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from serve.dashboard import PASSWORD, SECRET, Clock, Dashboard, TestClient, form_token_in, with_accounts
from weaselish.errors import ProjError
from weaselish.serve.access.login import TooManyAttempts, log_in
from weaselish.serve.access.roles import Role
from weaselish.serve.settings import Auth, Settings
from weaselish.serve.storage.accounts import add_first_account, change_role, list_accounts, remove_account
from weaselish.serve.storage.audit import list_audit
from weaselish.serve.storage.links import Purpose, create_link
from weaselish.serve.storage.tokens import create_token, revoke_token

WRONG = {"name": "ada", "password": "wrong password"}


@pytest.fixture
def dashboard(tmp_path: Path) -> Dashboard:
    found = with_accounts(tmp_path)
    found.account("ada", Role.ADMIN)
    found.account("bob", Role.VIEWER)
    return found


def test_a_page_sends_a_visitor_to_the_login_and_back(dashboard: Dashboard) -> None:
    browser = dashboard.browser()
    answer = browser.get("/account?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?back=%2Faccount%3Fx%3D1")
    page = browser.get(answer.headers["location"])
    assert 'name="back" value="/account?x=1"' in page.text
    answer = browser.post("/login", data={"name": "Ada", "password": PASSWORD, "back": "/account?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?x=1")
    assert "admin" in browser.get("/account").text
    assert browser.get("/api/v1/visitor").json()["role"] == "admin"
    assert dashboard.browser().get("/api/v1/visitor").status_code == 401


def test_the_cookie_of_a_session_is_for_the_server_only(dashboard: Dashboard, tmp_path: Path) -> None:
    data = {"name": "ada", "password": PASSWORD}
    cookie = dashboard.browser().post("/login", data=data).headers["set-cookie"]
    assert re.fullmatch(r"proj_[0-9a-f]{8}=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", cookie)
    secure = dashboard.browser(origin="https://localhost").post("/login", data=data).headers["set-cookie"]
    assert secure.endswith("; Secure")
    below = with_accounts(tmp_path / "below", base_path="/team/ml")
    below.account("ada")
    assert "Path=/team/ml;" in below.browser().post("/team/ml/login", data=data).headers["set-cookie"]


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/login?x", "x", "/\n"])
def test_a_login_leads_to_no_other_site(dashboard: Dashboard, back: str) -> None:
    answer = dashboard.browser().post("/login", data={"name": "ada", "password": PASSWORD, "back": back})
    assert answer.headers["location"] == "/"


def test_a_thousand_wrong_passwords_meet_a_limit_that_the_clock_lifts(dashboard: Dashboard) -> None:
    browser = dashboard.browser()
    codes = [browser.post("/login", data=WRONG).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    for _ in range(988):
        with pytest.raises(TooManyAttempts):
            log_in(dashboard.app.state.serving, "ada", "guess", "192.0.2.1")
    refused = browser.post("/login", data={"name": "ada", "password": PASSWORD})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "901")
    assert "try again in 16 min" in refused.text
    assert dashboard.logged_in("bob")  # of the same address
    dashboard.clock.now += 901
    assert dashboard.logged_in("ada")
    failed = [row for row in list_audit(dashboard.database, most=2000) if not row.succeeded]
    assert len(failed) == 10
    assert {(row.actor, row.address, row.action) for row in failed} == {("ada", "192.0.2.1", "login")}


def test_one_address_cannot_try_many_accounts_but_others_can_log_in(dashboard: Dashboard) -> None:
    browser = dashboard.browser(address="2001:db8::1")
    codes = [browser.post("/login", data={"name": f"n{n}", "password": "x"}).status_code for n in range(60)]
    assert codes == [401] * 50 + [429] * 10
    neighbour = dashboard.browser(address="2001:db8::2")  # the same /64
    assert neighbour.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 429
    assert dashboard.logged_in("ada", address="2001:db8:0:1::1")


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(dashboard: Dashboard) -> None:
    wrong = dashboard.browser().post("/login", data=WRONG)
    unknown = dashboard.browser().post("/login", data={"name": "eve", "password": "x"})
    assert unknown.text.replace('"eve"', '"ada"') == wrong.text
    typed_as_name = dashboard.browser().post("/login", data={"name": PASSWORD, "password": ""})
    assert typed_as_name.status_code == 401
    assert PASSWORD not in str(list_audit(dashboard.database))


def test_a_session_ends_by_logout_disuse_age_removal_and_a_new_secret(dashboard: Dashboard) -> None:
    def works(browser: TestClient) -> bool:
        return bool(browser.get("/account").status_code == 200)

    first, second = dashboard.logged_in("ada"), dashboard.logged_in("ada")
    assert first.post("/logout", data={"form_token": form_token_in(first.get("/account").text)}).status_code == 303
    assert (works(first), works(second)) == (False, True)
    dashboard.clock.now += 12 * 3600 + 1
    assert not works(second)
    used = dashboard.logged_in("bob")
    for _ in range(17):
        dashboard.clock.now += 10 * 3600
        last = works(used)
    assert not last  # after a week, although it was used
    removed = dashboard.logged_in("bob")
    remove_account(dashboard.database, "bob")
    assert not works(removed)
    dashboard.account("bob")
    assert not works(removed)
    copied = dashboard.logged_in("ada")
    elsewhere = Dashboard(Settings(dashboard.settings.data_root, auth=Auth("x" * 32)), dashboard.clock).browser()
    elsewhere.cookies.update(dict(copied.cookies))
    assert works(copied)
    assert not works(elsewhere)


def test_a_second_instance_knows_the_session_and_a_changed_role(dashboard: Dashboard) -> None:
    browser = dashboard.logged_in("ada")
    second = Dashboard(dashboard.settings, dashboard.clock).browser()
    second.cookies.update(dict(browser.cookies))
    assert second.get("/audit").status_code == 200
    change_role(dashboard.database, "ada", Role.VIEWER)
    assert second.get("/audit").status_code == 403
    assert "needs the role <code>admin</code>" in second.get("/audit").text


def test_a_form_of_another_site_or_session_changes_nothing(dashboard: Dashboard) -> None:
    browser, other = dashboard.logged_in("ada"), dashboard.logged_in("bob")
    token, foreign = (form_token_in(one.get("/account").text) for one in (browser, other))
    attempts: list[dict[str, Any]] = [
        {"data": {}},
        {"data": {"form_token": foreign}},
        {"headers": {"x-form-token": ""}},
        {"data": {"form_token": token}, "headers": {"origin": "https://evil.example"}},
        {"data": {"form_token": token}, "headers": {"origin": "null"}},
        {"data": {"form_token": token}, "headers": {"sec-fetch-site": "cross-site"}},
    ]
    for attempt in attempts:
        assert browser.post("/logout", **attempt).status_code == 403, attempt
    evil = {"origin": "https://evil.example"}
    data = {"name": "ada", "password": PASSWORD}
    assert dashboard.browser().post("/login", data=data, headers=evil).status_code == 403
    assert browser.get("/account").status_code == 200
    own = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert browser.post("/logout", headers={**own, "x-form-token": token}).status_code == 303


def test_every_route_asks_for_a_role(dashboard: Dashboard) -> None:
    public = {
        *("/healthz", "/login", "/login/oidc", "/login/oidc/callback", "/enter/{token}", "/first/{token}"),
        *("/api/v1/openapi.json", "/static/{name}"),
    }
    browser = dashboard.browser()
    for route in _routes(dashboard.app.routes):
        path = re.sub(r"\{.*?\}", "1", route.path)
        for method in route.methods or ():
            answer = browser.request(method, path)
            refused = answer.status_code == 401 or answer.headers.get("location", "").startswith("/login?back=")
            assert refused or route.path in public, f"{method} {route.path}: {answer.status_code}"


def _routes(routes: object) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in routes:  # type: ignore[attr-defined]
        if isinstance(route, APIRoute):
            found.append(route)
        found += _routes(getattr(getattr(route, "original_router", None), "routes", []))
    return found


def test_a_password_is_changed_and_ends_the_other_sessions(dashboard: Dashboard) -> None:
    browser, other = dashboard.logged_in("ada"), dashboard.logged_in("ada")
    token = form_token_in(browser.get("/account").text)

    def change(current: str, new: str) -> int:
        data = {"form_token": token, "current": current, "password": new}
        return int(browser.post("/account/password", data=data).status_code)

    assert change("wrong", "a new long password") == 422
    assert change(PASSWORD, "short") == 422
    assert change(PASSWORD, "a new long password") == 303
    assert other.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_the_first_account_comes_from_a_link_that_works_once(tmp_path: Path) -> None:
    dashboard = with_accounts(tmp_path)
    link = create_link(dashboard.database, Purpose.FIRST_ADMIN, expires=dashboard.clock() + 60)
    browser, data = dashboard.browser(), {"name": "Ada", "password": PASSWORD}
    assert browser.get(f"/first/{link}").status_code == 200
    assert browser.post(f"/first/{link}", data={**data, "password": "short"}).status_code == 422
    assert browser.post("/first/other", data=data).status_code == 401
    assert browser.post(f"/first/{link}", data=data).status_code == 303
    assert browser.get("/audit").status_code == 200
    assert browser.post(f"/first/{link}", data={**data, "name": "eve"}).status_code == 401
    assert [(account.name, account.role) for account in list_accounts(dashboard.database)] == [("ada", Role.ADMIN)]
    late = create_link(dashboard.database, Purpose.FIRST_ADMIN, expires=dashboard.clock() - 1)
    assert browser.get(f"/first/{late}").status_code == 401


def test_of_two_first_accounts_at_once_one_is_created(tmp_path: Path) -> None:
    dashboard, errors = with_accounts(tmp_path), []

    def create(name: str) -> None:
        try:
            add_first_account(dashboard.database, name, Role.ADMIN, password="hash", now=0)
        except ProjError as error:
            errors.append(error.message)

    threads = [threading.Thread(target=create, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["the first account exists already"] * 7


def test_tokens_are_for_their_role_until_they_expire_or_are_revoked(dashboard: Dashboard) -> None:
    now = dashboard.clock()
    public, value = create_token(dashboard.database, "ci", Role.VIEWER, now=now, expires=now + 60)
    browser = dashboard.browser()
    headers = {"authorization": f"Bearer {value}"}
    assert browser.get("/api/v1/visitor", headers=headers).json()["name"] == "token:ci"
    assert browser.get("/audit", headers=headers).status_code == 403
    assert browser.post("/logout", headers=headers).status_code == 303  # no form token: it has no session
    for wrong in (value[:-1], value + "x", "", PASSWORD):
        assert browser.get("/api/v1/visitor", headers={"authorization": f"Bearer {wrong}"}).status_code == 401
    dashboard.clock.now += 60
    assert browser.get("/api/v1/visitor", headers=headers).status_code == 401
    dashboard.clock.now -= 60
    revoke_token(dashboard.database, public)
    assert browser.get("/api/v1/visitor", headers=headers).status_code == 401


def test_nothing_that_opens_a_door_is_in_the_database(dashboard: Dashboard) -> None:
    browser = dashboard.logged_in("ada")
    _, token = create_token(dashboard.database, "ci", Role.VIEWER, now=0, expires=1)
    link = create_link(dashboard.database, Purpose.FIRST_ADMIN, expires=1)
    cookie = next(iter(browser.cookies.values()))
    connection = sqlite3.connect(dashboard.settings.data_root / "serve.sqlite")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert not [secret for secret in (PASSWORD, SECRET, token, link, cookie) if secret in dump]
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in dump
    mode = (dashboard.settings.data_root / "serve.sqlite").stat().st_mode & 0o777
    assert mode == 0o600


def test_a_request_that_is_too_large_is_refused(dashboard: Dashboard) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"name=" + b"x" * 65_536

    form = {"content-type": "application/x-www-form-urlencoded"}
    browser = dashboard.browser()
    assert browser.post("/login", data={"name": "x" * 2_000_000}).status_code == 413
    assert browser.post("/login", content=chunks(), headers=form).status_code == 413
    assert browser.post("/login", content=b"%ff=%00&&;==", headers=form).status_code == 401


def test_every_answer_has_the_headers_that_keep_other_sites_out(dashboard: Dashboard) -> None:
    dashboard.app.add_api_route("/bug", _bug)
    browser = dashboard.browser(origin="https://localhost")
    for path, status in (
        ("/login", 200),
        ("/nothing", 404),
        ("/static/serve.css", 200),
        ("/healthz", 200),
        ("/bug", 500),
    ):
        answer = browser.get(path)
        assert answer.status_code == status, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "Traceback" not in answer.text
        assert SECRET not in answer.text
        assert "unsafe" not in answer.headers["content-security-policy"]


def _bug() -> None:
    raise RuntimeError(SECRET)


def test_a_database_that_is_locked_or_gone_is_said_and_passes(tmp_path: Path) -> None:
    dashboard = Dashboard(Settings(tmp_path, auth=Auth(SECRET)), patience=0.05)
    dashboard.account("ada")
    browser = dashboard.logged_in("ada")
    path = dashboard.settings.data_root / "serve.sqlite"
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    answer = browser.post("/login", data=WRONG)
    assert (answer.status_code, "another process locks the database" in answer.text) == (503, True)
    assert browser.get("/account").status_code == 200  # reading goes on
    blocker.close()
    assert browser.post("/login", data=WRONG).status_code == 401
    dashboard.database.close()
    moved = path.rename(path.with_name("moved"))
    path.mkdir()
    answer = browser.get("/api/v1/visitor")
    assert (answer.status_code, answer.json()["error"]) == (503, "the database does not answer")
    path.rmdir()
    moved.rename(path)
    assert browser.get("/account").status_code == 200


def test_without_accounts_one_link_gives_one_session_on_loopback_names_only(tmp_path: Path) -> None:
    dashboard = Dashboard(Settings(tmp_path))
    browser = dashboard.entered()
    assert browser.get("/").status_code == 200
    link = create_link(dashboard.database, Purpose.ENTER, expires=dashboard.clock() + 60)
    assert dashboard.browser().get(f"/enter/{link}").status_code == 303
    assert dashboard.browser().get(f"/enter/{link}").status_code == 401
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 403
    assert dashboard.browser().get("/").status_code == 401
    after_restart = Dashboard(Settings(tmp_path)).browser()
    after_restart.cookies.update(dict(browser.cookies))
    assert after_restart.get("/").status_code == 401
    later = with_accounts(tmp_path)  # the owner's session is not a way around accounts
    later.app.state.serving = dashboard.app.state.serving.__class__(
        later.settings, later.projects, later.database, dashboard.app.state.serving.secret, Clock()
    )
    around = later.browser()
    around.cookies.update(dict(browser.cookies))
    assert around.get("/account").status_code == 303

"""Logins through a real OpenID provider, and answers that no provider gave."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from servers import Server

from serve.dashboard import SECRET, Clock, Dashboard, TestClient
from serve.real_servers import CLIENT_SECRET
from weaselish.serve.access.roles import Role
from weaselish.serve.settings import Auth, Oidc, Settings
from weaselish.serve.storage.accounts import add_account, list_accounts
from weaselish.serve.storage.audit import list_audit

pytestmark = pytest.mark.servers

Open = Callable[..., Dashboard]


@pytest.fixture
def opened(provider: Server, tmp_path: Path) -> Open:
    """A dashboard that trusts the provider, with other settings of it."""

    def open_with(**options: object) -> Dashboard:
        oidc = replace(Oidc(provider.url, "proj", CLIENT_SECRET, allow=("*@ACME.com",)), **options)  # type: ignore[arg-type]
        return Dashboard(Settings(tmp_path, auth=Auth(SECRET, oidc=oidc, local=False)), Clock(time.time()))

    return open_with


def at_provider(address: str, name: str) -> str:
    """Log in at the provider and consent; return the address that it sends the browser back to."""
    with httpx.Client(timeout=30) as person:
        answer = person.get(address)
        for _ in range(12):
            if answer.is_redirect:
                target = str(answer.next_request.url) if answer.next_request else ""
                if "/login/oidc/callback" in target:
                    return target
                answer = person.get(target)
            else:
                action = re.search(r'action="([^"]+)"', answer.text)
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert action, answer.text
                assert prompt, answer.text
                data = {"prompt": prompt[1], "login": name, "password": "any"}
                answer = person.post(str(answer.url.join(action[1])), data=data)
    raise AssertionError(f"no end: {answer.text}")


def log_in(browser: TestClient, name: str, back: str = "/account") -> httpx.Response:
    """Log in through the provider; return the answer of the dashboard to its callback."""
    begun = browser.get(f"/login/oidc?back={back}")
    assert begun.status_code == 303, begun.text
    callback = urlsplit(at_provider(begun.headers["location"], name))
    answer: httpx.Response = browser.get(f"{callback.path}?{callback.query}")
    return answer


def test_an_account_registers_itself_with_the_role_that_its_groups_give(opened: Open) -> None:
    roles = (("staff", "viewer"), ("ml-admins", "admin"))
    dashboard = opened(allow_self_registration=True, role_claim="groups", roles=roles)
    browser = dashboard.browser()
    answer = log_in(browser, "ada")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = browser.get("/account").text
    assert "ada@acme.com" in page
    assert "admin" in page
    assert log_in(dashboard.browser(), "bob").status_code == 303
    eve = log_in(dashboard.browser(), "eve")
    assert (eve.status_code, "is not allowed here" in eve.text) == (403, True)
    accounts = [(account.name, account.role) for account in list_accounts(dashboard.database)]
    assert accounts == [("ada@acme.com", Role.ADMIN), ("bob@acme.com", Role.VIEWER)]
    assert {(row.actor, row.succeeded) for row in list_audit(dashboard.database) if row.action == "login"} == {
        ("ada@acme.com", True),
        ("bob@acme.com", True),
        ("eve@evil.example", False),
    }


def test_without_self_registration_only_accounts_of_an_administrator_log_in(opened: Open) -> None:
    dashboard = opened()
    answer = log_in(dashboard.browser(), "ada")
    assert (answer.status_code, "has no account here" in answer.text) == (403, True)
    add_account(dashboard.database, "Ada@acme.com", Role.RUNNER, password=None, now=0)
    browser = dashboard.browser()
    assert log_in(browser, "ada").status_code == 303
    assert browser.get("/api/v1/visitor").json()["role"] == "runner"


def test_an_address_alone_takes_over_no_account(opened: Open) -> None:
    dashboard = opened(allow_self_registration=True)
    assert log_in(dashboard.browser(), "bob").status_code == 303
    answer = log_in(dashboard.browser(), "mallory")  # another identity with bob's address
    assert (answer.status_code, "belongs to another login" in answer.text) == (403, True)
    answer = log_in(dashboard.browser(), "claimant")
    assert (answer.status_code, "no verified e-mail address" in answer.text) == (403, True)
    add_account(dashboard.database, "ada@acme.com", Role.ADMIN, password="a hash", now=0)
    assert log_in(dashboard.browser(), "ada").status_code == 403
    assert log_in(dashboard.browser(), "bob").status_code == 303


def test_states_that_are_forged_foreign_used_or_expired_open_no_session(opened: Open) -> None:
    dashboard = opened(allow_self_registration=True)
    browser = dashboard.browser()
    begun = browser.get("/login/oidc")
    query = {key: values[0] for key, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert {"state", "nonce", "code_challenge"} <= query.keys()
    callback = urlsplit(at_provider(begun.headers["location"], "ada"))
    path = f"{callback.path}?{callback.query}"
    forged = path.replace(query["state"], "A" * 43)

    def refused(visitor: TestClient, address: str) -> bool:
        answer = visitor.get(address)
        assert "set-cookie" not in answer.headers
        return answer.status_code == 502 and "expired or was begun in another browser" in answer.text

    assert refused(browser, forged)
    assert refused(browser, callback.path)
    assert refused(dashboard.browser(), path)  # the address in another browser
    dashboard.clock.now += 601
    assert refused(browser, path)
    dashboard.clock.now -= 601
    assert browser.get(path).status_code == 303
    assert refused(browser, path)


def test_a_code_or_a_token_for_another_login_is_refused(opened: Open, provider: Server) -> None:
    dashboard = opened(allow_self_registration=True)
    first, second = dashboard.browser(), dashboard.browser()
    begun, other = first.get("/login/oidc"), second.get("/login/oidc")
    callback = urlsplit(at_provider(begun.headers["location"], "ada"))
    code = parse_qs(callback.query)["code"][0]
    state = parse_qs(urlsplit(other.headers["location"]).query)["state"][0]
    answer = second.get(f"{callback.path}?code={code}&state={state}")  # injected: PKCE fails
    assert (answer.status_code, "the provider refused: HTTP 400" in answer.text) == (502, True)
    assert CLIENT_SECRET not in answer.text


def test_explicit_addresses_serve_without_discovery(opened: Open, provider: Server) -> None:
    explicit = {"auth_url": "/auth", "token_url": "/token", "jwks_url": "/jwks", "userinfo_url": "/me"}
    addresses = {key: provider.url + path for key, path in explicit.items()}
    assert log_in(opened(allow_self_registration=True, **addresses).browser(), "ada").status_code == 303


def test_a_provider_that_is_gone_or_another_one_is_said(opened: Open, provider: Server) -> None:
    answer = opened(issuer="http://127.0.0.1:9").browser().get("/login/oidc")
    assert (answer.status_code, "the provider does not answer" in answer.text) == (502, True)
    answer = opened(issuer=f"{provider.url}/").browser().get("/login/oidc")
    assert (answer.status_code, "calls itself" in answer.text) == (502, True)

"""What trusted proxies say about visitors, and what others say."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from serve.dashboard import PASSWORD, Dashboard, with_accounts
from weaselish.serve.storage.audit import list_audit

WRONG = {"name": "ada", "password": "wrong"}


@pytest.fixture
def dashboard(tmp_path: Path) -> Dashboard:
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    found = with_accounts(tmp_path, trusted_proxies=networks, base_path="/team/ml")
    found.account("ada")
    return found


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.1.2.3", "192.0.2.7", "192.0.2.7"),
        ("10.1.2.3", "203.0.113.9, 192.0.2.7", "192.0.2.7"),  # the visitor wrote the first one
        ("10.1.2.3", "192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # not a proxy
    ],
)
def test_the_address_of_a_visitor_comes_from_trusted_proxies(
    dashboard: Dashboard, peer: str, forwarded: str, expected: str
) -> None:
    browser = dashboard.browser(address=peer)
    browser.post("/team/ml/login", data=WRONG, headers={"x-forwarded-for": forwarded} if forwarded else {})
    assert list_audit(dashboard.database)[0].address == expected


def test_scheme_and_host_come_from_trusted_proxies(dashboard: Dashboard) -> None:
    headers = {"x-forwarded-proto": "https", "x-forwarded-host": "ml.acme.com", "origin": "https://ml.acme.com"}
    data = {"name": "ada", "password": PASSWORD}
    answer = dashboard.browser(address="10.0.0.1").post("/team/ml/login", data=data, headers=headers)
    assert answer.status_code == 303
    assert "; Secure" in answer.headers["set-cookie"]
    assert dashboard.browser().post("/team/ml/login", data=data, headers=headers).status_code == 403


def test_pages_are_below_the_base_path_whether_or_not_a_proxy_removes_it(dashboard: Dashboard) -> None:
    browser = dashboard.logged_in("ada")
    for path in ("/team/ml/account", "/account"):
        page = browser.get(path, headers={"cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items())})
        assert page.status_code == 200, path
        assert 'action="/team/ml/account/password"' in page.text
        assert 'href="/account' not in page.text
    assert dashboard.browser().get("/team/mlx/account").status_code == 404
    answer = dashboard.browser().get("/team/ml/account?x=1")
    assert answer.headers["location"] == "/team/ml/login?back=%2Faccount%3Fx%3D1"

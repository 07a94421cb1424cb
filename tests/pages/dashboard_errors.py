"""Provokes each error of the dashboard by requests, as a browser or script meets it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import NamedTuple

import httpx
from serve.dashboard import SECRET, Dashboard, with_accounts

from weaselish.serve.settings import Auth, Oidc, Settings

WRONG = {"name": "ada", "password": "guess"}


class Answered(NamedTuple):
    """A case: what is requested, in words, and a function that does it."""

    error: str
    request: str
    ask: Callable[[Path], httpx.Response]

    def run(self) -> str:
        """Return the status and the message of the answer."""
        with tempfile.TemporaryDirectory() as scratch:
            answer = self.ask(Path(scratch))
        assert answer.status_code >= 400, answer.text
        return f"{answer.status_code}: {_message(answer)}"


def _message(answer: httpx.Response) -> str:
    """Return the error that a page or a JSON document shows."""
    if "json" in answer.headers["content-type"]:
        data = answer.json()
        return str(data.get("error", data))
    found = re.search(r'(?:class="[^"]*error[^"]*"[^>]*>|</h1>\s*<p>)(.*?)</(?!code)', answer.text, re.DOTALL)
    assert found, answer.text
    text = re.sub(r"<[^>]+>", " ", re.sub(r"</?code>", "`", found[1]))
    return " ".join(unescape(text).split())


def _accounts(scratch: Path) -> Dashboard:
    dashboard = with_accounts(scratch)
    dashboard.account("ada")
    return dashboard


def _not_logged_in(scratch: Path) -> httpx.Response:
    answer: httpx.Response = _accounts(scratch).browser().get("/api/v1/projects")
    return answer


def _wrong_password(scratch: Path) -> httpx.Response:
    answer: httpx.Response = _accounts(scratch).browser().post("/login", data=WRONG)
    return answer


def _too_many_attempts(scratch: Path) -> httpx.Response:
    browser = _accounts(scratch).browser()
    answers = [browser.post("/login", data=WRONG) for _ in range(11)]
    answer: httpx.Response = answers[-1]
    return answer


def _forbidden(scratch: Path) -> httpx.Response:
    answer: httpx.Response = _accounts(scratch).logged_in("ada").get("/audit")
    return answer


def _foreign_form(scratch: Path) -> httpx.Response:
    answer: httpx.Response = (
        _accounts(scratch).logged_in("ada").post("/logout", data={"form_token": "of an earlier session"})
    )
    return answer


def _provider_error(scratch: Path) -> httpx.Response:
    oidc = Oidc("http://127.0.0.1:9", "proj", "secret-of-the-provider")
    dashboard = Dashboard(Settings(scratch, auth=Auth(SECRET, oidc=oidc, local=False)))
    answer: httpx.Response = dashboard.browser().get("/login/oidc")
    return answer


ANSWERED = (
    Answered("NotLoggedIn", "`GET /api/v1/projects` without a token", _not_logged_in),
    Answered("WrongPassword", "a login with a wrong password", _wrong_password),
    Answered("TooManyAttempts", "the eleventh login in a row with a wrong password", _too_many_attempts),
    Answered("Forbidden", "the audit log, opened by a viewer", _forbidden),
    Answered("ForeignForm", "a form of an earlier session", _foreign_form),
    Answered("ProviderError", "a login while the provider is down", _provider_error),
)

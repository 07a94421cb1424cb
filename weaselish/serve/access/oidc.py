"""Logs visitors in through the OpenID provider: authorization code, PKCE, nonce and state."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlencode, urlsplit

from weaselish.errors import ProjError, UsageError
from weaselish.named_tuple import NamedTuple
from weaselish.serve.access.login import open_session
from weaselish.serve.access.provider import Answer, Identity, ProviderError, endpoints_of, identity
from weaselish.serve.access.roles import Role
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Oidc
from weaselish.serve.storage.accounts import (
    Account,
    account_name,
    account_of_subject,
    add_account,
    find_account,
    note_login,
    role_of,
)
from weaselish.serve.storage.audit import Audited, add_audit
from weaselish.serve.storage.logins import Login, begin_login, take_login

CALLBACK = "/login/oidc/callback"
_SECONDS = 600.0  # for a login at the provider


class NotAdmitted(ProjError):
    """The provider vouches for the visitor, but the settings do not admit that e-mail address.

    Cure: an administrator adds the address to `allow`, or creates an account.
    """


class Begun(NamedTuple):
    """Where to send the browser, and the cookie that binds the login to it."""

    address: str
    browser: str


def begin(serving: Serving, oidc: Oidc, *, origin: str, back: str) -> Begun:
    """Begin a login. Raises ProviderError."""
    endpoints = endpoints_of(oidc)
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    expires = serving.clock() + _SECONDS
    begin_login(serving.database, Login(nonce, verifier, back), state=state, browser=browser, expires=expires)
    query = {
        "response_type": "code",
        "client_id": oidc.client_id,
        "redirect_uri": _redirect_uri(serving, origin),
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(endpoints.auth).query else "?"
    return Begun(f"{endpoints.auth}{joint}{urlencode(query)}", browser)


def finish(
    serving: Serving, oidc: Oidc, *, query: Mapping[str, str], browser: str, origin: str, address: str
) -> tuple[str, str]:
    """End a login: return the cookie of a session, and the path to go to.

    Raises NotAdmitted, and ProviderError for a state that is foreign, expired or was used before.
    """
    login = take_login(serving.database, state=query.get("state", ""), browser=browser, now=serving.clock())
    if login is None:
        raise ProviderError("this login has expired or was begun in another browser", hint="log in again")
    if "code" not in query:
        raise ProviderError("the provider did not log you in", hint="log in again")
    answer = Answer(query["code"], login.verifier, login.nonce, _redirect_uri(serving, origin))
    found = identity(oidc, answer, now=serving.clock())
    try:
        name = _admit(serving, oidc, found)
    except ProjError as error:
        row = Audited(serving.clock(), _email(found.claims) or "(unknown)", address, "login", error.message, False)
        add_audit(serving.database, row)
        raise
    return open_session(serving, name, address, "openid"), login.back


def _admit(serving: Serving, oidc: Oidc, found: Identity) -> str:
    """Return the account of an identity, which may be created. Raises NotAdmitted."""
    email = _email(found.claims)
    if email is None or not (oidc.trust_email or found.claims.get("email_verified") is True):
        raise NotAdmitted(
            "the provider gave no verified e-mail address",
            hint="verify it there; or see `trust_email` in docs/serve.md",
        )
    if oidc.allow and not any(fnmatchcase(email, pattern.lower()) for pattern in oidc.allow):
        raise NotAdmitted(f"`{email}` is not allowed here", hint="ask the administrator of this dashboard")
    role, now = _role(oidc, found.claims), serving.clock()
    account = account_of_subject(serving.database, found.subject) or _account_named(serving, email)
    if account is not None:
        note_login(serving.database, account.name, now=now, subject=found.subject, role=role)
        return account.name
    if not oidc.allow_self_registration:
        raise NotAdmitted(f"`{email}` has no account here", hint="ask the administrator of this dashboard")
    role = Role.VIEWER if role is None else role
    add_account(serving.database, email, role, password=None, now=now, subject=found.subject)
    add_audit(serving.database, Audited(now, email, "", "user add", f"registered itself as {role.label}", True))
    note_login(serving.database, email, now=now)
    return email


def _account_named(serving: Serving, email: str) -> Account | None:
    """Return the account that an administrator created for an address, and that no identity has yet."""
    if role_of(serving.database, email) is None:
        return None
    account = find_account(serving.database, email)
    if account.has_password or account.has_subject:
        raise NotAdmitted(f"the account `{email}` belongs to another login", hint="ask the administrator")
    return account


def _role(oidc: Oidc, claims: Mapping[str, Any]) -> Role | None:
    """Return the highest role that the claim gives, VIEWER if none; None if the settings map no claim."""
    if not oidc.roles or oidc.role_claim is None:
        return None
    values = claims.get(oidc.role_claim)
    given = {str(value) for value in (values if isinstance(values, list) else [values])}
    return max((Role.named(role) for value, role in oidc.roles if value in given), default=Role.VIEWER)


def _email(claims: Mapping[str, Any]) -> str | None:
    """Return the e-mail address as the name of an account, None if there is none."""
    email = claims.get("email")
    if not isinstance(email, str):
        return None
    try:
        return account_name(email)
    except UsageError:
        return None


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _redirect_uri(serving: Serving, origin: str) -> str:
    return f"{origin}{serving.settings.base_path}{CALLBACK}"

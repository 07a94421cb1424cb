"""Logs visitors in with a password, and limits how often they may try."""

from __future__ import annotations

import ipaddress

from starlette.requests import HTTPConnection

from weaselish.errors import ProjError, UsageError
from weaselish.serve.access.passwords import is_password
from weaselish.serve.access.roles import Role
from weaselish.serve.serving import Serving, serving_of
from weaselish.serve.storage.accounts import account_name, note_login, password_hash
from weaselish.serve.storage.attempts import begin_attempt, forget_attempts
from weaselish.serve.storage.audit import Audited, add_audit
from weaselish.serve.storage.sessions import create_session

BY_ACCOUNT, BY_ADDRESS = 10, 50  # attempts in a quarter of an hour


class WrongPassword(ProjError):
    """The name or the password is wrong. The message does not say which one.

    Cure: try again; `proj serve user password NAME` sets a new one.
    """


class TooManyAttempts(ProjError):
    """There were too many failed logins with this name or from this address. `seconds` says how long to wait.

    Cure: wait as long as the message says.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many attempts: try again in {int(seconds // 60) + 1} min")
        self.seconds = seconds


def address_of(connection: HTTPConnection) -> str:
    """Return the address of a visitor, behind trusted proxies too."""
    return connection.client.host if connection.client else ""


def log_in(serving: Serving, name: str, password: str, address: str) -> str:
    """Return the cookie of a new session. Raises WrongPassword and TooManyAttempts."""
    name = check_password(serving, name, password, address)
    note_login(serving.database, name, now=serving.clock())
    return open_session(serving, name, address, "password")


def check_password(serving: Serving, name: str, password: str, address: str) -> str:
    """Return the name of the account that a password belongs to. Raises WrongPassword and TooManyAttempts."""
    now, name = serving.clock(), _name(name)
    keys = {account_key(name): BY_ACCOUNT, f"address:{_network(address)}": BY_ADDRESS}
    wait = begin_attempt(serving.database, keys, now=now)
    if wait:
        raise TooManyAttempts(wait)
    stored = password_hash(serving.database, name) if name else None
    if not is_password(password, stored):
        actor = name if stored else "(unknown)"  # people type passwords into the wrong field
        add_audit(serving.database, Audited(now, actor, address, "login", "wrong name or password", False))
        raise WrongPassword("the name or the password is wrong")
    forget_attempts(serving.database, *keys)
    return name


def account_key(name: str) -> str:
    """Return the key under which attempts for an account are counted."""
    return f"account:{name}"


def _name(text: str) -> str:
    """Return the name of an account, empty for a text that cannot be one."""
    try:
        return account_name(text)
    except UsageError:
        return ""


def open_session(serving: Serving, name: str, address: str, how: str) -> str:
    """Return the cookie of a new session of an account, and note the login."""
    add_audit(serving.database, Audited(serving.clock(), name, address, "login", how, True))
    return create_session(serving.database, name, Role.VIEWER, has_account=True, stamp=serving.stamp)


def note(request: HTTPConnection, actor: str, action: str, detail: str = "", *, succeeded: bool = True) -> None:
    """Add a row to the audit log about a request."""
    serving = serving_of(request)
    row = Audited(serving.clock(), actor, address_of(request), action, detail, succeeded)
    add_audit(serving.database, row)


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64 that one connection has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)

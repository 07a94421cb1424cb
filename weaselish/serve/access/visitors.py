"""Finds the visitor of a request, and refuses visitors whose role does not suffice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from weaselish.errors import ProjError
from weaselish.serve.access.cookies import session_cookie
from weaselish.serve.access.forms import check_form
from weaselish.serve.access.roles import Role, Visitor
from weaselish.serve.serving import serving_of
from weaselish.serve.settings import Settings
from weaselish.serve.storage.accounts import role_of
from weaselish.serve.storage.sessions import find_session
from weaselish.serve.storage.tokens import find_token

_IDLE_ON_LOOPBACK = 24 * 3600.0  # seconds, without accounts


class NotLoggedIn(ProjError):
    """A request has no valid session or token.

    Cure: log in; scripts send a token of `proj serve token create`.
    """


class Forbidden(ProjError):
    """The visitor's role does not allow this.

    Cure: an administrator changes it: `proj serve user role NAME ROLE`.
    """


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Return the visitor of a request. Raises NotLoggedIn. It reads the database: call it in a thread."""
    visitor = find_visitor(connection)
    if visitor is None:
        raise NotLoggedIn("you are not logged in")
    return visitor


def find_visitor(connection: HTTPConnection) -> Visitor | None:
    """Return the visitor of a request, None without a valid session or token."""
    serving = serving_of(connection)
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        found = find_token(serving.database, token.strip(), now=serving.clock())
        return None if found is None else Visitor(f"token:{found.name}", Role(found.role))
    value = session_cookie(connection)
    if not value:
        return None
    session = find_session(serving.database, value, stamp=serving.stamp, idle=idle_seconds(serving.settings))
    if session is None or session.has_account != (serving.settings.auth is not None):
        return None
    role = role_of(serving.database, session.name) if session.has_account else session.role
    return None if role is None else Visitor(session.name, Role(role), session.digest)


def idle_seconds(settings: Settings) -> float:
    """Return after how many seconds without use a session ends."""
    return settings.auth.session_seconds if settings.auth else _IDLE_ON_LOOPBACK


def require(role: Role) -> Callable[[Request], Awaitable[Visitor]]:
    """Return a dependency that returns the visitor, if of that role or a higher one.

    `visitor: Annotated[Visitor, Depends(require(Role.RUNNER))]`. It raises NotLoggedIn and Forbidden. A request that
    changes something must also carry the form token of its session.
    """

    async def required(request: Request) -> Visitor:
        visitor = await run_in_threadpool(visitor_of, request)
        if visitor.role < role:
            raise Forbidden(f"this needs the role `{role.label}`, and you have `{visitor.role.label}`")
        await check_form(request, visitor)
        return visitor

    return required


Viewer = Annotated[Visitor, Depends(require(Role.VIEWER))]
Runner = Annotated[Visitor, Depends(require(Role.RUNNER))]
Admin = Annotated[Visitor, Depends(require(Role.ADMIN))]

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
from weaselish.serve.storage.sessions import find_session


class NotLoggedIn(ProjError):
    """A request without a valid session or token."""


class Forbidden(ProjError):
    """A request that the visitor's role does not allow."""


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Return the visitor of a request. Raises NotLoggedIn. It reads the database: call it in a thread."""
    visitor = find_visitor(connection)
    if visitor is None:
        raise NotLoggedIn("you are not logged in")
    return visitor


def find_visitor(connection: HTTPConnection) -> Visitor | None:
    """Return the visitor of a request, None without a valid session or token."""
    serving = serving_of(connection)
    value = session_cookie(connection)
    if not value:
        return None
    auth = serving.settings.auth
    idle = auth.session_seconds if auth else 30 * 24 * 3600.0
    session = find_session(serving.database, value, now=serving.clock(), idle=idle)
    return None if session is None else Visitor(session.name, Role(session.role), session.digest)


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

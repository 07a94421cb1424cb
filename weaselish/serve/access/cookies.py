"""The cookie of a session."""

from __future__ import annotations

import hashlib

from starlette.requests import HTTPConnection
from starlette.responses import Response

from weaselish.serve.serving import Serving, serving_of


def cookie_name(serving: Serving, prefix: str = "proj") -> str:
    """Return a name for cookies of servers with this secret: browsers send cookies to all ports of a host."""
    return f"{prefix}_{hashlib.sha256(b'cookie:' + serving.secret).hexdigest()[:8]}"


def session_cookie(connection: HTTPConnection) -> str | None:
    """Return the value of the session's cookie."""
    return connection.cookies.get(cookie_name(serving_of(connection)))


def set_session_cookie(connection: HTTPConnection, response: Response, value: str) -> None:
    """Give the browser a session. Scripts cannot read it, and other sites cannot send it in forms."""
    set_cookie(connection, response, cookie_name(serving_of(connection)), value)


def remove_session_cookie(connection: HTTPConnection, response: Response) -> None:
    set_cookie(connection, response, cookie_name(serving_of(connection)), "", seconds=0)


def set_cookie(
    connection: HTTPConnection, response: Response, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Set a cookie for the pages of this server; without `seconds`, until the browser ends; 0 removes it."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=serving_of(connection).settings.base_path or "/",
        secure=is_secure(connection),
        httponly=True,
        samesite="lax",
    )


def is_secure(connection: HTTPConnection) -> bool:
    """Return whether the visitor uses HTTPS, as far as the settings or a trusted proxy say."""
    origin = serving_of(connection).settings.origin
    return origin.startswith("https:") if origin else connection.url.scheme == "https"

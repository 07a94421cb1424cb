"""The cookie of a session."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from weaselish.serve.serving import serving_of

NAME = "proj_session"


def session_cookie(connection: HTTPConnection) -> str | None:
    """Return the value of the session's cookie."""
    return connection.cookies.get(NAME)


def set_session_cookie(connection: HTTPConnection, response: Response, value: str) -> None:
    """Give the browser a session. Scripts cannot read it, and other sites cannot send it in forms."""
    response.set_cookie(
        NAME, value, path=_path(connection), secure=is_secure(connection), httponly=True, samesite="lax"
    )


def remove_session_cookie(connection: HTTPConnection, response: Response) -> None:
    response.delete_cookie(NAME, path=_path(connection), secure=is_secure(connection), httponly=True, samesite="lax")


def is_secure(connection: HTTPConnection) -> bool:
    """Return whether the visitor uses HTTPS, as far as the settings or a trusted proxy say."""
    origin = serving_of(connection).settings.origin
    return origin.startswith("https:") if origin else connection.url.scheme == "https"


def _path(connection: HTTPConnection) -> str:
    return serving_of(connection).settings.base_path or "/"

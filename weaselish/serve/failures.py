"""Answers for errors: JSON under `/api`, pages elsewhere, never a traceback."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from weaselish.errors import Busy, InvalidProject, ProjError, UnknownName
from weaselish.serve.access.forms import ForeignForm
from weaselish.serve.access.headers import add_headers
from weaselish.serve.access.login import TooManyAttempts, WrongPassword
from weaselish.serve.access.oidc import NotAdmitted
from weaselish.serve.access.provider import ProviderError
from weaselish.serve.access.visitors import Forbidden, NotLoggedIn
from weaselish.serve.json_answer import JSONAnswer
from weaselish.serve.pages.rendering import render
from weaselish.serve.serving import serving_of
from weaselish.serve.storage.database import DatabaseError

_STATUSES: tuple[tuple[type[ProjError], int], ...] = (
    (NotLoggedIn, 401),
    (WrongPassword, 401),
    (TooManyAttempts, 429),
    (NotAdmitted, 403),
    (ProviderError, 502),
    (Forbidden, 403),
    (ForeignForm, 403),
    (UnknownName, 404),
    (Busy, 409),
    (InvalidProject, 409),
    (DatabaseError, 503),
)
_TITLES = {401: "Not logged in", 403: "Not allowed", 404: "Not found", 503: "Not available"}
_log = logging.getLogger(__name__)


def add_handlers(app: FastAPI) -> None:
    """Let the app answer errors."""
    app.add_exception_handler(ProjError, _on_proj_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_bug)


def failure(request: Request, status: int, message: str, hint: str | None = None) -> Response:
    """Return the answer for an error, in the form that the path asks for."""
    if _is_api(request):
        return JSONAnswer({"error": message, "hint": hint}, status)
    title = _TITLES.get(status, "That did not work")
    return render(request, "failure.html", status=status, title=title, message=message, hint=hint)


def _on_proj_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProjError)
    if isinstance(error, NotLoggedIn) and _can_log_in(request):
        return RedirectResponse(
            f"{serving_of(request).settings.base_path}/login?{urlencode({'back': _back(request)})}", 303
        )
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 422)
    return failure(request, status, error.message, error.hint)


def _can_log_in(request: Request) -> bool:
    """Return whether a visitor without a session should see the page to log in, and not an error."""
    is_page = request.method == "GET" and not _is_api(request) and not _path(request).startswith(("/login", "/first/"))
    return is_page and serving_of(request).settings.auth is not None


def _back(request: Request) -> str:
    return _path(request) + (f"?{request.url.query}" if request.url.query else "")


def _path(request: Request) -> str:
    """Return the path below the base path."""
    return request.url.path.removeprefix(serving_of(request).settings.base_path)


def _is_api(request: Request) -> bool:
    return _path(request).startswith("/api/")


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(request, error.status_code, str(error.detail))


def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return failure(request, 422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _on_bug(request: Request, error: Exception) -> Response:
    answer = failure(request, 500, "this is an error in proj; its traceback is in the server's output")
    add_headers(answer.headers, is_secure=request.url.scheme == "https")  # this runs outside of all middleware
    return answer

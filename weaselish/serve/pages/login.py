"""The pages to log in and out, and the form for the first account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from weaselish.errors import ProjError
from weaselish.serve.access import oidc
from weaselish.serve.access.cookies import cookie_name, remove_session_cookie, set_cookie, set_session_cookie
from weaselish.serve.access.login import TooManyAttempts, WrongPassword, address_of, log_in, note, open_session
from weaselish.serve.access.passwords import check_new_password, hashed
from weaselish.serve.access.proxies import origin_of
from weaselish.serve.access.roles import Role
from weaselish.serve.access.visitors import NotLoggedIn, Viewer, find_visitor
from weaselish.serve.pages.rendering import render
from weaselish.serve.serving import serving_of
from weaselish.serve.settings import Auth, Oidc
from weaselish.serve.storage.accounts import account_name, add_first_account
from weaselish.serve.storage.links import Purpose, is_link, use_link
from weaselish.serve.storage.sessions import end_session

router = APIRouter(include_in_schema=False)
_LOGIN_SECONDS = 600  # of the cookie that binds a login at the provider to its browser


def _local(request: Request) -> Auth:
    auth = serving_of(request).settings.auth
    if auth is None or not auth.local:
        raise NotLoggedIn("this server has no logins with a password")
    return auth


def _provider(request: Request) -> Oidc:
    auth = serving_of(request).settings.auth
    if auth is None or auth.oidc is None:
        raise NotLoggedIn("this server has no logins through a provider")
    return auth.oidc


Local = Annotated[Auth, Depends(_local)]
Provider = Annotated[Oidc, Depends(_provider)]


@router.get("/login")
def login_page(request: Request, back: str = "/") -> Response:
    """Show the form, and the link to the provider; or go on if the visitor is logged in."""
    if find_visitor(request) is not None:
        return _go_to(request, back)
    return _login_page(request, back)


def _login_page(request: Request, back: str, *, name: str = "", error: ProjError | None = None) -> Response:
    auth = serving_of(request).settings.auth
    status = 200 if error is None else 429 if isinstance(error, TooManyAttempts) else 401
    answer = render(
        request,
        "login.html",
        status=status,
        back=_own_path(back),
        name=name,
        error=error.message if error else "",
        has_password=auth is not None and auth.local,
        has_provider=auth is not None and auth.oidc is not None,
    )
    if isinstance(error, TooManyAttempts):
        answer.headers["retry-after"] = str(int(error.seconds) + 1)
    return answer


@router.post("/login")
def login(
    request: Request,
    auth: Local,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Check name and password, and open a session."""
    try:
        value = log_in(serving_of(request), name, password, address_of(request))
    except (WrongPassword, TooManyAttempts) as error:
        return _login_page(request, back, name=name, error=error)
    answer = _go_to(request, back)
    set_session_cookie(request, answer, value)
    return answer


@router.post("/logout")
def logout(request: Request, visitor: Viewer) -> Response:
    """End the session."""
    serving = serving_of(request)
    if visitor.session is not None:
        end_session(serving.database, visitor.session)
        note(request, visitor.name, "logout")
    answer = RedirectResponse(f"{serving.settings.base_path}/login", 303)
    remove_session_cookie(request, answer)
    return answer


@router.get("/login/oidc")
def login_at_provider(request: Request, provider: Provider, back: str = "/") -> Response:
    """Send the browser to the provider."""
    serving = serving_of(request)
    origin = origin_of(request, serving.settings)
    begun = oidc.begin(serving, provider, origin=origin, back=_own_path(back))
    answer = RedirectResponse(begun.address, 303)
    set_cookie(request, answer, cookie_name(serving, "proj_login"), begun.browser, seconds=_LOGIN_SECONDS)
    return answer


@router.get(oidc.CALLBACK)
def provider_answered(request: Request, provider: Provider) -> Response:
    """Open a session for the identity that the provider confirms."""
    serving = serving_of(request)
    cookie = cookie_name(serving, "proj_login")
    value, back = oidc.finish(
        serving,
        provider,
        query=request.query_params,
        browser=request.cookies.get(cookie, ""),
        origin=origin_of(request, serving.settings),
        address=address_of(request),
    )
    answer = _go_to(request, back)
    set_cookie(request, answer, cookie, "", seconds=0)
    set_session_cookie(request, answer, value)
    return answer


@router.get("/first/{token}")
def first_account_page(request: Request, auth: Local, token: str) -> Response:
    """Show the form for the first account. Looking at it does not use up the link."""
    serving = serving_of(request)
    if not is_link(serving.database, Purpose.FIRST_ADMIN, token, now=serving.clock()):
        raise NotLoggedIn("this link was used or has expired", hint="restart `proj serve`: it prints a new one")
    return render(request, "first.html", token=token, name="", error="")


@router.post("/first/{token}")
def create_first_account(
    request: Request,
    auth: Local,
    token: str,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Create an administrator, once, and log it in."""
    serving = serving_of(request)
    if not is_link(serving.database, Purpose.FIRST_ADMIN, token, now=serving.clock()):
        raise NotLoggedIn("this link was used or has expired", hint="restart `proj serve`: it prints a new one")
    try:
        name = account_name(name)
        check_new_password(password, name)
    except ProjError as error:
        return render(request, "first.html", status=422, token=token, name=name, error=error.message)
    add_first_account(serving.database, name, Role.ADMIN, password=hashed(password), now=serving.clock())
    use_link(serving.database, Purpose.FIRST_ADMIN, token, now=serving.clock())
    note(request, name, "user add", "first account, as admin")
    answer = _go_to(request, "/")
    set_session_cookie(request, answer, open_session(serving, name, address_of(request), "first account"))
    return answer


def _go_to(request: Request, path: str) -> RedirectResponse:
    return RedirectResponse(f"{serving_of(request).settings.base_path}{_own_path(path)}", 303)


def _own_path(path: str) -> str:
    """Return a path of this server, `/` for what leads elsewhere or through a login again."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own and not path.startswith(("/login", "/logout")) else "/"

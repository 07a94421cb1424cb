"""The link with the one-time token, which a server without accounts prints."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse

from weaselish.serve.access.cookies import set_session_cookie
from weaselish.serve.access.roles import Role
from weaselish.serve.access.visitors import NotLoggedIn, find_visitor
from weaselish.serve.serving import serving_of
from weaselish.serve.storage.links import Purpose, use_link
from weaselish.serve.storage.sessions import create_session

OWNER = "owner"  # the name of the visitor of a server without accounts

router = APIRouter(include_in_schema=False)


@router.get("/enter/{token}")
def enter(request: Request, token: str) -> RedirectResponse:
    """Exchange the token for a session. Raises NotLoggedIn if it was used before."""
    serving = serving_of(request)
    answer = RedirectResponse(f"{serving.settings.base_path}/", 303)
    now = serving.clock()
    if not use_link(serving.database, Purpose.ENTER, token, now=now):
        if find_visitor(request) is None:
            raise NotLoggedIn("this link was used before", hint="restart `proj serve`: it prints a new one")
        return answer
    set_session_cookie(
        request, answer, create_session(serving.database, OWNER, Role.ADMIN, has_account=False, stamp=serving.stamp)
    )
    return answer

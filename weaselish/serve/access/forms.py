"""Form tokens: a request that changes something proves that it comes from a page of this dashboard."""

from __future__ import annotations

import hashlib
import hmac

from fastapi import Request

from weaselish.errors import ProjError
from weaselish.serve.access.roles import Visitor
from weaselish.serve.serving import Serving, serving_of

FIELD = "form_token"
HEADER = "x-form-token"
_SAFE = ("GET", "HEAD", "OPTIONS")


class ForeignForm(ProjError):
    """A form was not sent from a page of this session.

    Cure: reload the page and send it again.
    """


def form_token(serving: Serving, session: str) -> str:
    """Return the token that forms of a session carry in `FIELD`, and scripts in `HEADER`."""
    return hmac.new(serving.secret, b"form:" + session.encode(), hashlib.sha256).hexdigest()


async def check_form(request: Request, visitor: Visitor) -> None:
    """Raise ForeignForm if a request changes something without the token. Requests with an API token need none."""
    if request.method in _SAFE or visitor.session is None:
        return
    given = request.headers.get(HEADER)
    if given is None:
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), form_token(serving_of(request), visitor.session).encode()):
        raise ForeignForm("the form has expired or comes from another site", hint="go back, reload the page, try again")

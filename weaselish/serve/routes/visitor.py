"""The visitor of a request, for scripts of pages and for clients with a session."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from weaselish.serve.access.forms import form_token
from weaselish.serve.access.roles import Role
from weaselish.serve.access.visitors import Viewer
from weaselish.serve.routes.reading import ERRORS
from weaselish.serve.serving import serving_of

router = APIRouter(prefix="/api/v1", tags=["visitor"], responses=ERRORS)


class VisitorJson(BaseModel):
    """The visitor. `form_token` goes into the header X-Form-Token of requests that change something."""

    name: str
    role: str
    may_run: bool
    form_token: str | None


@router.get("/visitor")
def show_visitor(request: Request, visitor: Viewer) -> VisitorJson:
    """Return the name of the visitor, and what it may do."""
    serving = serving_of(request)
    may_run = serving.settings.allow_run and visitor.role >= Role.RUNNER
    token = form_token(serving, visitor.session) if visitor.session else None
    return VisitorJson(name=visitor.name, role=visitor.role.label, may_run=may_run, form_token=token)

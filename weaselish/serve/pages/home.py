"""The first page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from weaselish.serve.access.visitors import Viewer
from weaselish.serve.pages.rendering import render
from weaselish.serve.serving import serving_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, visitor: Viewer) -> HTMLResponse:
    """List the projects."""
    return render(request, "home.html", visitor=visitor, names=list(serving_of(request).projects.directories))

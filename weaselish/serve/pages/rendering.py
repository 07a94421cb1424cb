"""Renders templates. All values are escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from weaselish.serve.access.forms import FIELD, form_token
from weaselish.serve.access.roles import Visitor
from weaselish.serve.serving import serving_of


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(
    request: Request, template: str, *, visitor: Visitor | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page. Templates have `base` (before each path), `visitor`, and of forms `form_field`, `form_token`."""
    serving = serving_of(request)
    token = form_token(serving, visitor.session) if visitor and visitor.session else ""
    shared = {"base": serving.settings.base_path, "visitor": visitor, "form_field": FIELD, "form_token": token}
    text = _environment().get_template(template).render(**shared, **values)
    return HTMLResponse(text, status)

"""Renders templates. All values are escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from weaselish.plan.metrics import shown_value
from weaselish.serve.access.forms import FIELD, form_token
from weaselish.serve.access.roles import Role, Visitor
from weaselish.serve.pages import shown
from weaselish.serve.pages.ansi import as_html
from weaselish.serve.pages.assets import assets_version
from weaselish.serve.pages.links import Links, ServerLinks
from weaselish.serve.serving import serving_of

_BLOCK = 1 << 16  # characters that a visitor gets while the rest of a page is made


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    found = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown.finalized,
    )
    for function in (
        as_html,
        shown.counted,
        shown.duration,
        shown.icon,
        shown.moment,
        shown_value,
        shown.plot,
        shown.result_slug,
        shown.size,
        shown.symbols,
        shown.ticked,
        shown.words,
    ):
        found.globals[function.__name__] = function
    found.filters |= {"last6": lambda text: text[-6:], "utc": shown.utc}
    return found


def render_text(template: str, links: Links, **values: Any) -> str:
    """Return a page. Templates need `visitor`, `form_field` and `form_token`, None or empty without a server."""
    return "".join(_pieces(template, links, values))


def _pieces(template: str, links: Links, values: Mapping[str, Any]) -> Iterator[str]:
    shared = {
        "links": links,
        "visitor": None,
        "form_field": "",
        "form_token": "",
        "policy": "",
        "may_run": False,
        "base": "",
    }
    return _environment().get_template(template).generate(shared | dict(values))


def _blocks(pieces: Iterator[str]) -> Iterator[str]:
    """Yield the text in blocks. Most pages are one."""
    block: list[str] = []
    size = 0
    for piece in pieces:
        block.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield "".join(block)
            block, size = [], 0
    yield "".join(block)


def links_of(request: Request) -> ServerLinks:
    """Return the addresses of the pages of this server."""
    return ServerLinks(serving_of(request).settings.base_path, assets_version())


def render(
    request: Request, template: str, *, visitor: Visitor | None = None, status: int = 200, **values: Any
) -> Response:
    """Return a page. Templates have `base` (before each path), `visitor`, and of forms `form_field`, `form_token`."""
    serving = serving_of(request)
    token = form_token(serving, visitor.session) if visitor and visitor.session else ""
    shared: dict[str, Any] = {
        "base": serving.settings.base_path,
        "visitor": visitor,
        "form_field": FIELD,
        "form_token": token,
    }
    shared["may_run"] = serving.settings.allow_run and visitor is not None and visitor.role >= Role.RUNNER
    pieces = _pieces(template, links_of(request), shared | values)
    blocks = _blocks(pieces)
    first, following = next(blocks), next(pieces, None)
    if following is None:
        return HTMLResponse(first, status)
    return StreamingResponse(chain((first, following), blocks), status, media_type="text/html")  # from its start

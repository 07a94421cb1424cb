"""The files that pages load: styles, scripts, the icon. Each address has a version, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weaselish.graphs.svg import resource

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_YEAR = 31_536_000  # seconds

router = APIRouter(include_in_schema=False)


@cache
def assets() -> Mapping[str, bytes]:
    """Return the content of each file by name."""
    own = {
        file.name: file.read_bytes()
        for file in files("weaselish.serve").joinpath("static").iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }
    graph = {
        "graph.css": resource("page.css").encode() + own.pop("graph_page.css"),
        "graph.js": resource("page.js").encode(),
    }
    return {**own, "serve.css": resource("graph.css").encode() + own["serve.css"], **graph}


@cache
def assets_version() -> str:
    """Return a text that differs whenever a file does."""
    digest = hashlib.sha256()
    for name, data in sorted(assets().items()):
        digest.update(name.encode() + b"\0" + data)
    return digest.hexdigest()[:12]


@router.get("/static/{name}")
def asset(name: str) -> Response:
    """Return a file. A browser may keep it: its address has a version."""
    data = assets().get(name)
    if data is None:
        raise HTTPException(404, "this file does not exist")
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(data, media_type=kind, headers={"cache-control": f"public, max-age={_YEAR}, immutable"})

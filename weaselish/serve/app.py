"""Puts the dashboard together: middleware, routers, files."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weaselish import __version__
from weaselish.serve.access.bodies import SmallBodies
from weaselish.serve.access.headers import SecureHeaders
from weaselish.serve.access.proxies import ForwardedBy, OwnOrigin
from weaselish.serve.actions.service import Actions
from weaselish.serve.failures import add_handlers
from weaselish.serve.json_answer import JSONAnswer
from weaselish.serve.live.indexed_history import IndexedHistory
from weaselish.serve.live.live import Live
from weaselish.serve.pages import account, action_pages, assets, enter, login, project_pages
from weaselish.serve.projects import Projects
from weaselish.serve.routes import actions as action_routes
from weaselish.serve.routes import live, reading, visitor
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Settings
from weaselish.serve.storage.database import Database
from weaselish.serve.views.sources import Sources


class BasePath:
    """Serves the app below `base_path`, whether or not a proxy removes it from the addresses."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "lifespan":
            scope = {**scope, "root_path": self._base_path}
        await self._app(scope, receive, send)


def create_app(
    settings: Settings, projects: Projects, database: Database, *, clock: Callable[[], float] = time.time
) -> FastAPI:
    """Return the app. It keeps nothing that a second one with the same database would miss."""
    app = FastAPI(
        title="proj",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
        default_response_class=JSONAnswer,
    )
    secret = settings.auth.secret.encode() if settings.auth else secrets.token_bytes(32)
    app.state.serving = Serving(settings, projects, database, secret, clock)
    app.state.live = Live(database, projects)
    app.state.sources = Sources(projects, lambda name: IndexedHistory(app.state.live.project(name)))
    app.state.actions = Actions(settings, database, clock)
    add_handlers(app)
    app.add_middleware(BasePath, base_path=settings.base_path)  # the innermost
    app.add_middleware(SmallBodies)
    app.add_middleware(OwnOrigin, settings=settings)
    app.add_middleware(SecureHeaders)
    app.add_middleware(ForwardedBy, proxies=settings.trusted_proxies)
    pages = (assets.router, enter.router, login.router, account.router, action_pages.router, project_pages.router)
    for router in (*pages, reading.router, live.router, action_routes.router, visitor.router):
        app.include_router(router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Follow actions and projects until the server ends."""
    if app.state.serving.settings.allow_run:
        app.state.actions.follow()
    yield
    app.state.sources.close()
    app.state.actions.close()
    app.state.live.close()


def healthz() -> PlainTextResponse:
    """Say that the server answers."""
    return PlainTextResponse("ok\n")

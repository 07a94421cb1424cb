"""Runs the dashboard until a signal ends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from weaselish.errors import ProjError
from weaselish.serve.live.connection import CuttableProtocol
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Settings

_GRACE = 3  # seconds in which open requests may end


def bind(settings: Settings) -> socket.socket:
    """Return a socket on the host and port of the settings; port 0 is any free one. Raises ProjError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or str(error)
        hint = "choose another one: `--port`" if "in use" in why else None
        raise ProjError(f"cannot listen on {settings.host}:{settings.port}: {why.lower()}", hint=hint) from None
    return listener


def serve(app: FastAPI, listener: socket.socket, *, on_start: Callable[[], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; open streams end at once, other requests within `_GRACE` seconds."""
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
        ws="none",
    )
    _Server(config, app.state.serving, on_start).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, serving: Serving, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._serving = serving
        self._on_start = on_start
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._serving.shutdown.request)
        super().handle_exit(sig, frame)

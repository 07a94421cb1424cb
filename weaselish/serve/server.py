"""Runs the dashboard until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.serve.certificates import CertificateFiles, load
from weaselish.serve.live.connection import CuttableProtocol
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Settings
from weaselish.serve.upkeep import Upkeep, certificate_task, tasks_of
from weaselish.terminal import printable

_GRACE = 3  # seconds in which open requests may end
_LEAVING = 1.0  # seconds in which a backup may end


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


def serve(
    app: FastAPI, listener: socket.socket, certificate: CertificateFiles | None, *, on_start: Callable[[], None]
) -> None:
    """Answer requests until SIGINT or SIGTERM; open streams end at once, other requests within `_GRACE` seconds.

    Raises CertificateError.
    """
    serving: Serving = app.state.serving
    context = None if certificate is None else load(certificate)
    with Cancel() as cancel, _logging():
        tasks = tasks_of(serving, cancel)
        if context is not None and certificate is not None:
            tasks.append(certificate_task(context, certificate))
        upkeep = Upkeep(tasks, cancel)
        server = _Server(_config(app, context), serving, on_start)
        upkeep.start()
        try:
            server.run(sockets=[listener])
        finally:
            upkeep.close(within=_LEAVING)
            serving.database.close()


def _config(app: FastAPI, context: ssl.SSLContext | None) -> uvicorn.Config:
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
    config.load()
    config.ssl = context
    return config


@contextmanager
def _logging() -> Iterator[None]:
    """Write warnings and errors to stderr during the block, with secrets masked."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(message)s"))
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Masked(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n")


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

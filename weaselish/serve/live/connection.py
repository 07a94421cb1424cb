"""Connections that can be cut off, although their client does not read what it was sent."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "weaselish.transport"


class CuttableProtocol(H11Protocol):
    """HTTP of uvicorn, which puts the transport of the connection into the state of its requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport."""
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


async def cut_off(scope: Scope) -> None:
    """Close the connection of a request at once, and drop what was not sent yet."""
    state: dict[str, Any] = scope.get("state") or {}
    transport = state.get(_TRANSPORT)
    if transport is None:
        return
    with suppress(OSError):  # the system would wait for the client, too
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0)  # so that uvicorn knows of it before the request ends

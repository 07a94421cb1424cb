"""What a proxy says about the visitor, if it is a trusted one; and the addresses of this server."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weaselish.serve.settings import Network, Settings

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD", "OPTIONS")


class ForwardedBy:
    """Takes the visitor's address, scheme and host from X-Forwarded-… of trusted proxies, and of nothing else."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope.get("client") and self._is_trusted(scope["client"][0]):
            scope = self._as_forwarded(scope)
        await self._app(scope, receive, send)

    def _as_forwarded(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        scope = {**scope, "headers": list(scope["headers"])}
        hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",") if hop.strip()]
        visitor = next((hop for hop in reversed(hops) if not self._is_trusted(hop)), hops[0] if hops else None)
        if visitor is not None and _is_address(visitor):
            scope["client"] = (visitor, 0)
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip()
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
        host = headers.get("x-forwarded-host", "").rpartition(",")[2].strip()
        if host:
            MutableHeaders(scope=scope)["host"] = host
        return scope

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found.version == network.version and found in network for network in self._proxies)


class OwnOrigin:
    """Refuses requests that a browser sends for another site, and names that another site gave this server."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refusal = self._refusal(HTTPConnection(scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"error": refusal, "hint": None}, 403)(scope, receive, send)

    def _refusal(self, connection: HTTPConnection) -> str | None:
        host = connection.headers.get("host", "")
        if self._settings.auth is None and self._settings.origin is None and _without_port(host) not in _LOOPBACK:
            return "this server answers only under the names localhost, 127.0.0.1 and [::1]"
        if connection.scope["method"] in _SAFE:
            return None
        origin = connection.headers.get("origin")
        own = self._settings.origin or f"{connection.scope['scheme']}://{host}"
        if origin is not None and origin != own:
            return "a form of another site"
        if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "a form of another site"
        return None


def origin_of(connection: HTTPConnection, settings: Settings) -> str:
    """Return scheme and host of the addresses of this server."""
    return settings.origin or f"{connection.url.scheme}://{connection.url.netloc}"


def _without_port(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

"""Addresses of servers as users write them: `192.168.1.50:9000`, or a URL."""

from __future__ import annotations

import ipaddress
import re

from weaselish.errors import UsageError

_SCHEME = re.compile(r"(https?)://(.+)", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?/?")


def endpoint_url(text: str) -> str:
    """Return the URL of a server. A bare address is http if it is private or of this machine, else https.

    Raises UsageError for what is neither.
    """
    match = _SCHEME.fullmatch(text)
    address = _ADDRESS.fullmatch(match[2] if match else text)
    if address is None or int(address["port"] or 0) > 65535:
        if match and "@" not in match[2] and "?" not in match[2]:
            return text  # with a path
        hint = "for example `192.168.1.50:9000` or `https://s3.example.org`, without user, password and query"
        raise UsageError("the endpoint is not the address of a server", hint=hint)
    if match:
        return text
    return f"{'http' if is_private(address['host']) else 'https'}://{text.rstrip('/')}"


def is_private(host: str) -> bool:
    """Return whether a host is this machine, or an address of a private network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return False

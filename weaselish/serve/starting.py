"""Prepares a server: the addresses and links that it prints, and warnings about its settings."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from weaselish.named_tuple import NamedTuple
from weaselish.serve.certificates import CertificateFiles, facts
from weaselish.serve.serving import Serving
from weaselish.serve.settings import Settings
from weaselish.serve.storage.accounts import has_accounts
from weaselish.serve.storage.links import Purpose, create_link

_LINK_SECONDS = 24 * 3600.0


class Greeting(NamedTuple):
    """What a server prints when it has started."""

    address: str
    advice: str


def certificate_notes(files: CertificateFiles) -> Iterator[tuple[str, str]]:
    """Yield what visitors should know about the certificate, with advice. Raises CertificateError."""
    found = facts(files)
    now = datetime.datetime.now(datetime.UTC)
    if found.ends < now:
        yield (
            f"the certificate expired on {found.ends:%Y-%m-%d}: browsers will refuse it",
            f"replace {files.certificate}",
        )
    elif found.ends < now + datetime.timedelta(days=14):
        yield f"the certificate expires on {found.ends:%Y-%m-%d}", f"replace {files.certificate}"


def greeting(serving: Serving, port: int) -> Greeting:
    """Return the address to open: with a one-time token, unless accounts exist."""
    settings, expires = serving.settings, serving.clock() + _LINK_SECONDS
    base = address_of_server(settings, port)
    if settings.auth is None:
        token = create_link(serving.database, Purpose.ENTER, expires=expires)
        return Greeting(f"{base}/enter/{token}", "Open this address: it works once. Ctrl-C ends the server.")
    if settings.auth.local and not has_accounts(serving.database):
        token = create_link(serving.database, Purpose.FIRST_ADMIN, expires=expires)
        advice = "Open this address to create the first account; it works once, for a day. Ctrl-C ends the server."
        return Greeting(f"{base}/first/{token}", advice)
    if not has_accounts(serving.database) and not (settings.auth.oidc and settings.auth.oidc.allow_self_registration):
        advice = "There are no accounts: `proj serve user add ADDRESS --oidc --role admin`. Ctrl-C ends the server."
        return Greeting(f"{base}/", advice)
    return Greeting(f"{base}/", "Ctrl-C ends the server.")


def address_of_server(settings: Settings, port: int) -> str:
    """Return where visitors find the server, as far as its settings say."""
    if settings.origin:
        return settings.origin + settings.base_path
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls else 'http'}://{shown}:{port}{settings.base_path}"


def warnings(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what is risky about the settings, each with advice."""
    if settings.auth and not settings.tls and not settings.trusted_proxies and not _is_loopback(settings.host):
        yield "passwords and pages cross the network unencrypted", "set `tls`, or `trusted_proxies` of a proxy with TLS"


def _is_loopback(host: str) -> bool:
    import ipaddress

    return host == "localhost" or ipaddress.ip_address(host).is_loopback

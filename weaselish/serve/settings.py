"""What `proj serve` is configured with, as data. `settings_file.py` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

Network = IPv4Network | IPv6Network

HOST = "127.0.0.1"
PORT = 8091
SHORTEST_SECRET = 32  # characters of `auth.secret`


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID provider. Without `auth_url`, `token_url` and `jwks_url`, its discovery document has the addresses."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    auth_url: str | None = None
    token_url: str | None = None
    jwks_url: str | None = None
    userinfo_url: str | None = None
    allow: tuple[str, ...] = ()  # patterns of e-mail addresses: `*@acme.com`
    role_claim: str | None = None
    roles: tuple[tuple[str, str], ...] = ()  # values of `role_claim` with their roles
    allow_self_registration: bool = False
    trust_email: bool = False  # also addresses that the provider does not call verified


@dataclass(frozen=True, slots=True)
class Auth:
    """How visitors log in. `secret` signs sessions, forms and states."""

    secret: str = field(repr=False)
    local: bool = True
    oidc: Oidc | None = None
    session_seconds: float = 12 * 3600.0  # of a session that is not used


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate: `cert.crt` and `cert.key` in `cert_root`, or one that `proj serve` signs itself."""

    cert_root: Path | None = None
    self_signed: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings for what people may start from the dashboard. None stands for none."""

    cpus: float | None = None
    memory: int | None = None  # bytes
    gpus: int | None = None
    disk: int | None = None  # bytes
    time: float | None = None  # seconds
    runs: int = 1  # at once


@dataclass(frozen=True, slots=True)
class Backup:
    """A snapshot of each project on a schedule."""

    remote: str | None = None
    schedule: tuple[int, int] = (3, 15)  # hour and minute, local time
    keep: int = 7
    max_file_size: int | None = None  # bytes


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The defaults serve on loopback, without accounts."""

    data_root: Path  # of the database, unless `database` names a server
    host: str = HOST
    port: int = PORT
    origin: str | None = None  # `https://ml.acme.com`, if base_url says so; else of each request
    base_path: str = ""  # `/team/ml`: empty, or begins with a slash and does not end with one
    trusted_proxies: tuple[Network, ...] = ()
    database: str | None = field(default=None, repr=False)  # postgresql://…
    auth: Auth | None = None  # None: only on loopback, by a link with a one-time token
    tls: Tls | None = None
    limits: Limits = Limits()
    backup: Backup | None = None
    allow_run: bool = False

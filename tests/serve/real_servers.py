"""Real servers around the dashboard, on loopback: PostgreSQL, an OpenID provider, nginx with TLS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from servers import CACHE, Missing, Server, answers, free_ports, running

DATABASE_PASSWORD = "database-password-of-tests"
CLIENT_SECRET = "client-secret-of-tests"
ACCOUNTS: Mapping[str, Mapping[str, object]] = {  # of the provider
    "ada": {"email": "ada@acme.com", "email_verified": True, "groups": ["staff", "ml-admins"]},
    "bob": {"email": "bob@acme.com", "email_verified": True, "groups": []},
    "eve": {"email": "eve@evil.example", "email_verified": True, "groups": ["ml-admins"]},
    "mallory": {"email": "bob@acme.com", "email_verified": True, "groups": ["ml-admins"]},
    "claimant": {"email": "ada@acme.com", "email_verified": False, "groups": ["ml-admins"]},
}
_NGINX = """\
daemon off;
master_process off;
pid DIRECTORY/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  server {
    listen 127.0.0.1:PORT ssl;
    ssl_certificate CERT/cert.crt;
    ssl_certificate_key CERT/cert.key;
    location /team/ml/ {
      proxy_pass http://127.0.0.1:BACKEND;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
"""


class Postgresql:
    """A server of PostgreSQL. `address` is that of an empty database, with a password."""

    def __init__(self, start: Callable[[], AbstractContextManager[None]], address: str) -> None:
        self.address = address
        self._start = start
        self._running = ExitStack()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run for the block."""
        self._running.enter_context(self._start())
        with self._running:
            yield

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it for the block; then start it with the same data."""
        self._running.close()
        try:
            yield
        finally:
            self._running.enter_context(self._start())


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Start PostgreSQL with an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise Missing("PostgreSQL")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    directory = Path(tempfile.mkdtemp(prefix="weaselish-postgresql-"))
    (directory / "password").write_text(DATABASE_PASSWORD)
    if user:
        for path in (directory, directory / "password"):
            shutil.chown(path, user)
    port, data = free_ports(1), str(directory / "data")
    initdb = [str(programs[-1]), "-D", data, "-U", "proj", "--no-sync", "--auth=scram-sha-256"]
    subprocess.run(
        [*initdb, f"--pwfile={directory / 'password'}"], check=True, capture_output=True, user=user, cwd=directory
    )
    program = str(programs[-1].with_name("postgres"))
    ready = [str(programs[-1].with_name("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
    argv = [program, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off"]

    def start() -> AbstractContextManager[None]:
        return running(argv, directory, lambda: subprocess.run(ready).returncode == 0, user=user)

    server = Postgresql(start, f"postgresql://proj:{DATABASE_PASSWORD}@127.0.0.1:{port}/postgres")
    try:
        with server.running():
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def openid_provider(directory: Path, redirects: list[str]) -> Iterator[Server]:
    """Start npm's oidc-provider. Its login form takes a name of ACCOUNTS and any password."""
    modules = CACHE / "oidc"
    if not (modules / "node_modules/oidc-provider").exists() or not shutil.which("node"):
        raise Missing("oidc-provider")
    port = free_ports(1)
    settings = {"port": port, "redirects": redirects, "accounts": ACCOUNTS, "secret": CLIENT_SECRET}
    (directory / "settings.json").write_text(json.dumps(settings))
    script = Path(__file__).with_name("oidc_provider.mjs")
    argv = [str(shutil.which("node")), str(script), str(modules), str(directory / "settings.json")]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/jwks")):
        yield Server(port, {})


@contextmanager
def nginx(directory: Path, certificate: Path, *, port: int, backend: int) -> Iterator[None]:
    """Start nginx with TLS, which passes /team/ml on to a port."""
    program = "/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else shutil.which("nginx")
    if program is None:
        raise Missing("nginx")
    replaced = {"DIRECTORY": str(directory), "PORT": str(port), "BACKEND": str(backend), "CERT": str(certificate)}
    text = _NGINX
    for word, value in replaced.items():
        text = text.replace(word, value)
    (directory / "nginx.conf").write_text(text)
    argv = [program, "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/")):
        yield

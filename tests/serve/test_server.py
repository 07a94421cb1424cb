"""`proj serve` as a process: TLS, a proxy with a base path, two instances, signals."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from harness import ProjectDir, wait_until
from servers import Server
from sqlalchemy import create_engine, update

from serve.access.test_oidc import at_provider
from serve.conftest import NGINX_PORTS, Start
from serve.dashboard import PASSWORD, SECRET, form_token_in
from serve.real_servers import CLIENT_SECRET, DATABASE_PASSWORD, nginx
from weaselish.serve.storage.sessions import sessions


def make_certificate(directory: Path, name: str = "localhost") -> str:
    """Write a certificate with openssl; return its fingerprint."""
    directory.mkdir(exist_ok=True)
    new = directory / "new"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "9",
    ]
    argv += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
    subprocess.run([*argv, "-keyout", f"{new}.key", "-out", f"{new}.crt"], check=True, capture_output=True)
    shutil.move(f"{new}.key", directory / "cert.key")
    shutil.move(f"{new}.crt", directory / "cert.crt")
    return fingerprint_of((directory / "cert.crt").read_text())


def fingerprint_of(pem: str) -> str:
    argv = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    done = subprocess.run(argv, input=pem, capture_output=True, text=True, check=True)
    return done.stdout.strip().partition("=")[2]


def served_fingerprint(address: str) -> str:
    """Return the fingerprint that openssl sees."""
    port = urlsplit(address).port
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost"]
    done = subprocess.run(argv, input="", capture_output=True, text=True, timeout=30)
    return fingerprint_of(done.stdout)


def curl(*words: str) -> str:
    return subprocess.run(["curl", "-s", "-m", "20", *words], capture_output=True, text=True, check=True).stdout


def test_a_certificate_of_its_own_and_the_first_account(start: Start, project: ProjectDir) -> None:
    server, address = start(TLS_SELF_SIGNED="true", AUTH_SECRET=SECRET)
    assert address.startswith("https://127.0.0.1:")
    [fingerprint] = re.findall(r"^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$", server.err, re.MULTILINE)
    assert served_fingerprint(address) == fingerprint
    authority = str(project.path / "../data/tls/cert.crt")
    base = address.partition("/first/")[0]
    assert curl("--cacert", authority, f"{base}/healthz") == "ok\n"
    jar = str(project.path / "jar")
    curl("--cacert", authority, "-c", jar, "-d", f"name=ada&password={PASSWORD}", address)
    assert "#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t0\tproj_" in Path(jar).read_text()
    assert "admin" in curl("--cacert", authority, "-b", jar, f"{base}/account")
    assert 'role="alert"' not in curl("--cacert", authority, f"{base}/login")
    listed = project.proj("serve", "user", "list", env={"PROJ_SERVE_DATA_ROOT": str(project.path / "../data")})
    assert listed.out.split()[:12][-3:] == ["ada", "admin", "password"] or "ada" in listed.out
    server.signal(signal.SIGTERM)
    ended = server.wait()
    assert ended.code == 143
    assert SECRET not in ended.out + ended.err


def test_replaced_certificates_are_served_and_broken_ones_are_not(start: Start, project: ProjectDir) -> None:
    root = project.path / "../certificates"
    first = make_certificate(root)
    server, address = start(TLS_CERT_ROOT=str(root.resolve()), AUTH_SECRET=SECRET)
    assert served_fingerprint(address) == first
    second = make_certificate(root)
    wait_until(lambda: served_fingerprint(address) == second, "the new certificate")
    (root / "cert.crt").write_text("broken")
    wait_until(lambda: "are not a certificate and its key" in server.err, "the message about the broken one")
    assert served_fingerprint(address) == second
    third = make_certificate(root)
    wait_until(lambda: served_fingerprint(address) == third, "the third certificate")


def test_a_certificate_that_cannot_be_used_stops_the_start(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    root = (project.path / "../certificates").resolve()
    env = {"PROJ_SERVE_TLS_CERT_ROOT": str(root), "PROJ_SERVE_PORT": "0"}
    done = project.proj("serve", env=env)
    assert (done.code, "cert.crt`: no such file or directory" in done.err) == (1, True)
    make_certificate(root)
    key = (root / "cert.key").read_text()
    make_certificate(root)
    (root / "cert.key").write_text(key)
    done = project.proj("serve", env=env)
    assert (done.code, "cert.key` is not the key of `" in done.err) == (1, True)
    (root / "cert.key").write_text("secret-looking nonsense")
    done = project.proj("serve", env=env)
    assert (done.code, "are not a certificate and its key in PEM" in done.err) == (1, True)


def test_a_port_that_is_taken_is_said(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = project.proj("serve", "--no-open", "--port", port, env={"PROJ_DATA_DIR": str(project.path / "../data")})
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        f"error: cannot listen on 127.0.0.1:{port}: address already in use",
    )


def test_a_signal_ends_the_server_while_streams_are_open(start: Start, project: ProjectDir) -> None:
    server, address = start()
    split = urlsplit(address)
    with httpx.Client(base_url=f"http://{split.netloc}") as browser:
        assert browser.get(split.path).status_code == 303
        with browser.stream("GET", "/api/v1/projects/project/events", timeout=30) as stream:
            assert stream.status_code == 200
            with socket.create_connection((str(split.hostname), split.port or 0)) as silent:
                silent.sendall(b"GET / HTTP/1.1\r\n")  # a request that never ends
                server.signal(signal.SIGTERM)
                wait_until(lambda: not server.is_running, "the end of the server")
    ended = server.wait()
    assert ended.code == 143
    assert "Traceback" not in ended.err


@pytest.mark.servers
def test_behind_nginx_with_a_provider_two_instances_share_a_session(
    start: Start, project: ProjectDir, provider: Server, postgresql: str, tmp_path: Path
) -> None:
    settings: Mapping[str, str] = {
        "BASE_URL": "/team/ml",
        "TRUSTED_PROXIES": "127.0.0.1",
        "DATABASE": postgresql,
        "AUTH_SECRET": SECRET,
        "AUTH_OIDC_ISSUER": provider.url,
        "AUTH_OIDC_CLIENT_ID": "proj",
        "AUTH_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "AUTH_OIDC_ALLOW": "*@acme.com",
        "AUTH_OIDC_ROLE_CLAIM": "groups",
        "AUTH_OIDC_ROLES": "ml-admins=admin",
        "AUTH_OIDC_ALLOW_SELF_REGISTRATION": "true",
    }
    (first, address), (second, other) = start(**settings), start(**settings)
    certificates, port = tmp_path / "certificates", next(port for port in NGINX_PORTS if _is_free(port))
    make_certificate(certificates)
    trusted = ssl.create_default_context(cafile=str(certificates / "cert.crt"))
    base = f"https://localhost:{port}/team/ml"
    backend = urlsplit(address).port or 0
    with nginx(tmp_path, certificates, port=port, backend=backend), httpx.Client(verify=trusted) as browser:
        answer = browser.get(f"{base}/account")
        assert answer.headers["location"] == "/team/ml/login?back=%2Faccount"
        begun = browser.get(f"{base}/login/oidc?back=/account")
        callback = at_provider(begun.headers["location"], "ada")
        assert callback.startswith(f"{base}/login/oidc/callback?")
        answer = browser.get(callback)
        assert (answer.status_code, answer.headers["location"]) == (303, "/team/ml/account")
        cookie = answer.headers.get_list("set-cookie")[-1]
        assert all(part in cookie for part in ("HttpOnly", "Path=/team/ml", "SameSite=lax", "Secure"))
        page = browser.get(f"{base}/account")
        assert "ada@acme.com" in page.text
        assert page.headers["strict-transport-security"]
        headers = {"cookie": cookie.partition(";")[0]}
        elsewhere = urlsplit(other)._replace(path="/team/ml/audit").geturl()
        assert "ada@acme.com" in httpx.get(elsewhere, headers=headers).text
        left = browser.post(f"{base}/logout", data={"form_token": form_token_in(page.text)})
        assert (left.status_code, left.headers["location"]) == (303, "/team/ml/login")
        assert httpx.get(elsewhere, headers=headers).status_code == 303
        begun = browser.get(f"{base}/login/oidc?back=/account")
        assert browser.get(at_provider(begun.headers["location"], "ada")).status_code == 303
        assert browser.get(f"{base}/account").status_code == 200
        disuse_sessions(postgresql)
        assert browser.get(f"{base}/account").headers["location"] == "/team/ml/login?back=%2Faccount"
    for server in (first, second):
        server.signal(signal.SIGTERM)
        ended = server.wait()
        assert ended.code == 143
        for planted in (SECRET, CLIENT_SECRET, DATABASE_PASSWORD):
            assert planted not in ended.out + ended.err


@pytest.mark.servers
def test_with_its_own_tls_and_local_accounts_two_instances_share_a_session(
    start: Start, project: ProjectDir, postgresql: str
) -> None:
    settings = {"TLS_SELF_SIGNED": "true", "AUTH_SECRET": SECRET, "DATABASE": postgresql}
    (_, address), (_, other) = start(**settings), start(**settings)
    trusted = ssl.create_default_context(cafile=str(project.path / "../data/tls/cert.crt"))
    base, elsewhere = (one.partition("/first/")[0] for one in (address, other))
    with (
        httpx.Client(base_url=base, verify=trusted) as browser,
        httpx.Client(base_url=elsewhere, verify=trusted) as far,
    ):
        assert browser.post(address.removeprefix(base), data={"name": "grace", "password": PASSWORD}).status_code == 303
        for _ in range(2):  # logged in by the link, then by the password
            cookies = dict(browser.cookies.items())
            page = far.get("/account", cookies=cookies)
            assert (page.status_code, "grace" in page.text) == (200, True)
            left = far.post("/logout", data={"form_token": form_token_in(page.text)}, cookies=cookies)
            assert (left.status_code, browser.get("/account").status_code) == (303, 303)
            browser.cookies.clear()
            far.cookies.clear()
            assert browser.post("/login", data={"name": "grace", "password": PASSWORD}).status_code == 303
        assert browser.get("/audit").text.count("grace") >= 3
        disuse_sessions(postgresql)
        assert browser.get("/account").headers["location"] == "/login?back=%2Faccount"


def disuse_sessions(address: str) -> None:
    """Let all sessions be as if no visitor had used them for a day."""
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(update(sessions).values(used=sessions.c.used - 24 * 3600))
    engine.dispose()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0

"""Servers whose certificate a private authority signed."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from weaselish.errors import StoreError
from weaselish.model.project import Remote

from .conftest import open_remote
from .contract import keys

VARIABLES = {
    "s3": ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    "gs": ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    "az": ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
}
CASES = [(scheme, variable) for scheme, variables in VARIABLES.items() for variable in variables]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    values = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    values |= {"AZURE_STORAGE_ACCOUNT": "x", "AZURE_STORAGE_KEY": "eA=="}
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "ca.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Print nothing: clients that do not trust the certificate close the connection."""


@pytest.fixture(scope="module")
def https(certificate: Path) -> Iterator[str]:
    """A server that refuses all requests."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with QuietServer(("127.0.0.1", 0), Refuse) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def error_of(scheme: str, https: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        keys(open_remote(Remote("lab", f"{scheme}://bucket/p", endpoint_url=https)))
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("scheme", VARIABLES)
def test_a_server_with_an_unknown_certificate_is_not_trusted(scheme: str, https: str) -> None:
    error = error_of(scheme, https)
    assert f"remote `lab` ({scheme}://bucket/p at {https}): its certificate is not trusted (" in error.message
    assert "name the server's certificate in" in (error.hint or "")


@pytest.mark.parametrize(("scheme", "variable"), CASES)
def test_a_file_of_certificates_makes_its_servers_trusted(
    scheme: str, variable: str, https: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert "access refused (403" in error_of(scheme, https).message


@pytest.mark.parametrize(("scheme", "variable"), CASES)
def test_a_missing_file_of_certificates_is_reported_as_such(
    scheme: str, variable: str, https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/no/such/ca.pem")
    error = error_of(scheme, https)
    assert variable in error.message and "names `/no/such/ca.pem`, which is not a file" in error.message
    assert (error.hint or "").startswith("correct or unset")

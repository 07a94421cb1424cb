"""The certificate of the server: of files, or signed by itself; loaded again when the files change."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.errors import ProjError
from weaselish.files.atomic import write_atomically, writing
from weaselish.named_tuple import NamedTuple
from weaselish.serve.settings import Settings, Tls

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE, KEY = "cert.crt", "cert.key"
_DAYS = 365
_RENEWED = 30  # days before its end in which a start renews a certificate of its own


class CertificateError(ProjError):
    """A certificate or key is missing or cannot be read, or the two do not match.

    Cure: correct `serve.tls.cert_root`, or use `self_signed: true`.
    """


class CertificateFiles(NamedTuple):
    """Where certificate and key are. `is_own` if the server signed it itself."""

    certificate: Path
    key: Path
    is_own: bool

    @property
    def state(self) -> tuple[tuple[int, int, int], ...]:
        """What changes with the files; empty while one is missing."""
        try:
            stats = [path.stat() for path in (self.certificate, self.key)]
        except OSError:
            return ()
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


class Facts(NamedTuple):
    """What a certificate says about itself."""

    fingerprint: str  # SHA-256, as browsers and openssl show it
    ends: datetime.datetime
    names: tuple[str, ...]


def certificate_files(settings: Settings, tls: Tls) -> CertificateFiles:
    """Return the files of the settings, else those of a certificate of its own, which may be created.

    Raises CertificateError, and ProjError if it cannot be written.
    """
    if tls.cert_root is not None:
        files = CertificateFiles(tls.cert_root / CERTIFICATE, tls.cert_root / KEY, is_own=False)
        if files.certificate.exists() or files.key.exists() or not tls.self_signed:
            return files
    own = settings.data_root / "tls"
    files = CertificateFiles(own / CERTIFICATE, own / KEY, is_own=True)
    if _must_be_made(files, settings):
        with writing(f"`{own}`"):
            own.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(files, _names(settings))
    return files


def load(files: CertificateFiles) -> ssl.SSLContext:
    """Return a context for the server with the certificate. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_into(context, files)
    return context


def load_into(context: ssl.SSLContext, files: CertificateFiles) -> None:
    """Let new connections of a context use the certificate. Raises CertificateError, and changes nothing then."""
    probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for target in (probe, context):
        _load_chain(target, files)


def _load_chain(context: ssl.SSLContext, files: CertificateFiles) -> None:
    for path in (files.certificate, files.key):
        try:
            path.read_bytes()
        except OSError as error:
            hint = f"`cert_root` must have `{CERTIFICATE}` and `{KEY}`, which the user of the server may read"
            raise CertificateError(f"`{path}`: {(error.strerror or str(error)).lower()}", hint=hint) from None
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise CertificateError(*_explained(error, files)) from None


def _explained(error: Exception, files: CertificateFiles) -> tuple[str]:
    reason = getattr(error, "reason", None) or ""
    if "MISMATCH" in reason:
        return (f"`{files.key}` is not the key of `{files.certificate}`",)
    return (f"`{files.certificate}` and `{files.key}` are not a certificate and its key in PEM, without a password",)


def facts(files: CertificateFiles) -> Facts:
    """Return what the first certificate of a file says. Raises CertificateError."""
    from cryptography.hazmat.primitives import hashes

    found = _read(files)
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Facts(digest, found.not_valid_after_utc, tuple(_subject_names(found)))


def _read(files: CertificateFiles) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        raise CertificateError(f"`{files.certificate}` is not a certificate in PEM") from error


def _subject_names(certificate: x509.Certificate) -> Iterator[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from names.get_values_for_type(x509.DNSName)
    yield from map(str, names.get_values_for_type(x509.IPAddress))


def _must_be_made(files: CertificateFiles, settings: Settings) -> bool:
    """Return whether a certificate of its own is missing, broken, ends soon, or lacks a name."""
    try:
        found = facts(files)
        load(files)
    except CertificateError:
        return True
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=_RENEWED)
    return found.ends < soon or not set(_names(settings)) <= set(found.names)


def _names(settings: Settings) -> list[str]:
    """Return the names and addresses under which visitors may reach this host."""
    from urllib.parse import urlsplit

    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    if settings.host not in ("0.0.0.0", "::"):
        names.append(settings.host)
    else:
        names += _own_addresses()
    if settings.origin and (host := urlsplit(settings.origin).hostname):
        names.append(host)
    return list(dict.fromkeys(names))


def _own_addresses() -> list[str]:
    import psutil

    kinds = (socket.AF_INET, socket.AF_INET6)
    found = [one.address for addresses in psutil.net_if_addrs().values() for one in addresses if one.family in kinds]
    return [str(ipaddress.ip_address(address)) for address in found if "%" not in address]


def _make(files: CertificateFiles, names: list[str]) -> None:
    """Write a new key and a certificate for `names`. Raises OSError."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proj serve")])
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=_DAYS)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - datetime.timedelta(minutes=5))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomically(files.key, [private], durable=True, mode=0o600)
    write_atomically(files.certificate, [certificate.public_bytes(encoding)], durable=True)


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

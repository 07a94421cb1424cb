"""Certificates that the server signs itself: their names, when they are kept and when they are made anew."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from weaselish.serve import certificates
from weaselish.serve.certificates import CertificateFiles, certificate_files, facts
from weaselish.serve.settings import Settings, Tls
from weaselish.serve.starting import certificate_notes

OWN = Tls(self_signed=True)


def test_a_certificate_of_its_own_has_the_names_of_this_host_and_is_kept(tmp_path: Path) -> None:
    settings = Settings(tmp_path, host="127.0.0.2", origin="https://ml.acme.com", tls=OWN)
    files = certificate_files(settings, OWN)
    found = facts(files)
    names = {"localhost", "127.0.0.1", "::1", "127.0.0.2", "ml.acme.com", socket.gethostname()}
    assert set(found.names) == names
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert facts(certificate_files(settings, OWN)) == found
    assert list(certificate_notes(files)) == []
    renamed = replace(settings, origin="https://other.acme.com")
    assert "other.acme.com" in facts(certificate_files(renamed, OWN)).names


@pytest.mark.parametrize("days", [29, -1])
def test_a_certificate_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    settings = Settings(tmp_path, tls=OWN)
    monkeypatch.setattr(certificates, "_DAYS", days)
    files = certificate_files(settings, OWN)
    old = facts(files)
    assert [message.split(" on ")[0] for message, _ in certificate_notes(files)] == (
        ["the certificate expired"] if days < 0 else []
    )
    monkeypatch.undo()
    assert facts(certificate_files(settings, OWN)).fingerprint != old.fingerprint


def test_files_of_the_settings_come_first_and_a_broken_own_one_is_replaced(tmp_path: Path) -> None:
    root = tmp_path / "root"
    settings, tls = Settings(tmp_path), Tls(cert_root=root, self_signed=True)
    own = certificate_files(settings, tls)
    assert own.is_own
    own.certificate.write_text("broken")
    assert facts(certificate_files(settings, tls)).names
    root.mkdir()
    (root / "cert.crt").touch()
    assert certificate_files(settings, tls) == CertificateFiles(root / "cert.crt", root / "cert.key", is_own=False)
    missing = Tls(cert_root=tmp_path / "nothing")
    assert not certificate_files(settings, missing).is_own

"""The settings: from config.yml, a file, the environment; and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.serve.settings import Auth, Backup, Limits, Settings
from weaselish.serve.settings_file import KEYS, check_reachable, read_settings, variable_of

SECRET = "s" * 32


def read(file: Path | None = None, **environ: str) -> Settings:
    given = {f"PROJ_SERVE_{name}": value for name, value in environ.items()}
    with Cancel() as cancel:
        return read_settings(None if file is None else str(file), given, cancel=cancel)


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROJ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("PROJ_DATA_DIR", str(tmp_path / "data"))


def test_the_defaults_serve_on_loopback_without_any_secret(tmp_path: Path) -> None:
    found = read()
    assert (found.host, found.port, found.auth, found.base_path) == ("127.0.0.1", 8091, None, "")
    assert found.data_root == tmp_path / "data" / "serve"
    assert found == Settings(found.data_root)


def test_a_file_and_the_environment_above_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    file = tmp_path / "serve.yml"
    file.write_text(
        """
serve:
  base_url: https://ml.acme.com/team
  trusted_proxies: [10.0.0.0/8]
  auth:
    secret: file:secret
    session: 8h
    oidc: {issuer: "https://login.acme.com", client_id: proj, client_secret: env:CLIENT, allow: ["*@acme.com"]}
  limits: {cpus: 4, memory: 16GiB, time: 2h, runs: 3}
  backup: {remote: lab, schedule: 4:30, keep: 3, max_file_size: 50MB}
"""
    )
    with Cancel() as cancel:
        environ = {"CLIENT": "client-secret", "PROJ_SERVE_PORT": "80", "PROJ_SERVE_LIMITS_RUNS": "5"}
        found = read_settings(str(file), environ, cancel=cancel)
    assert (found.port, found.origin, found.base_path) == (80, "https://ml.acme.com", "/team")
    assert found.limits == Limits(4.0, 16 << 30, None, None, 7200.0, 5)
    assert found.backup == Backup("lab", (4, 30), 3, 50_000_000)
    assert found.auth is not None
    assert (found.auth.secret, found.auth.session_seconds) == (SECRET, 8 * 3600)
    assert found.auth.oidc is not None
    assert found.auth.oidc.client_secret == "client-secret"
    assert SECRET not in repr(found)
    assert "client-secret" not in repr(found)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"AUTH_SECRET": "s" * 31}, "has 31 characters, and needs at least 32"),
        ({"BASE_URL": "/test/"}, "PROJ_SERVE_BASE_URL must not end with `/`"),
        ({"BASE_URL": "/"}, "must not end with `/`"),
        ({"BASE_URL": "test"}, "is not a path or address"),
        ({"BASE_URL": "//evil.example/x"}, "is not a path or address"),
        ({"BASE_URL": "/a b"}, "has characters that need escaping"),
        ({"BASE_URL": "/a/../b"}, "must not have the parts"),
        ({"BASE_URL": "https://u:p@acme.com/x"}, "is not a path or address"),
        ({"PORT": "99999"}, "must be a whole number from 0 to 65535"),
        ({"HOST": "example.org"}, "is not an address"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,x"}, "`x` is not an address or network"),
        ({"DATABASE": "mysql://x"}, "must begin with `postgresql://`"),
        ({"AUTH_LOCAL": "true"}, "`serve.auth` needs `secret`"),
        ({"AUTH_SECRET": SECRET, "AUTH_LOCAL": "false"}, "`serve.auth` allows no login"),
        ({"AUTH_SECRET": SECRET, "AUTH_OIDC_ISSUER": "http://login.acme.com"}, "is not an address over HTTPS"),
        ({"AUTH_SECRET": SECRET, "AUTH_OIDC_ISSUER": "https://a.b"}, "`serve.auth.oidc` needs `client_id`"),
        ({"PROT": "1"}, "PROJ_SERVE_PROT is not a setting"),
        ({"BACKUP_SCHEDULE": "24:00"}, "is not a time of day"),
    ],
    ids=str,
)
def test_what_the_environment_may_not_say(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ProjError) as raised:
        read(None, **environ)
    assert message in raised.value.message
    assert raised.value.exit_code == 2


def test_a_file_with_mistakes_gets_them_all_with_their_places(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    project.write(
        "serve.yml",
        f"""\
        serve:
          prot: 80
          base_url: /test/
          auth: {{secret: {SECRET}, local: perhaps}}
          database: postgresql://proj:hunter2secret@db/proj
          tls: yes
        """,
    )
    done = project.proj("serve", "--config", "serve.yml")
    assert done.code == 2
    assert SECRET not in done.err
    assert "hunter2secret" not in done.err
    lines = [line.partition("serve.yml:")[2] for line in done.err.splitlines() if "error:" in line]
    assert lines == [
        "2:3: error: `serve.prot` is not a setting",
        "3:13: error: `serve.base_url` must not end with `/`",
        "4:18: error: `serve.auth.secret` must say where the secret is, not contain it",
        f"4:{18 + len(SECRET) + 9}: error: `serve.auth.local` must be true or false",
        "5:13: error: `serve.database` must not contain a password",
        "6:8: error: `serve.tls` must be a mapping",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_listening_beyond_this_machine_needs_accounts(project: ProjectDir, host: str) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    done = project.proj("serve", "--host", host, "--no-open")
    assert done.code == 2
    assert f"`{host}` can be reached from other machines, and `serve.auth` is not set" in done.err
    check_reachable(Settings(Path("/data"), host=host, auth=Auth(SECRET)))
    check_reachable(Settings(Path("/data"), host="127.0.0.2"))


def test_every_setting_is_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text("utf-8")
    for key in KEYS:
        assert f"`{'.'.join(key)}`" in page, key
        assert variable_of(key).startswith("PROJ_SERVE_")

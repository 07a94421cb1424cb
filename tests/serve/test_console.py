"""`proj serve user`, `token` and `manifest`."""

from __future__ import annotations

import configparser
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from harness import ProjectDir

from serve.dashboard import PASSWORD, SECRET, Dashboard
from weaselish.serve.access.login import TooManyAttempts, log_in
from weaselish.serve.settings import Auth, Settings
from weaselish.serve.storage.audit import list_audit


@pytest.fixture
def here(project: ProjectDir) -> ProjectDir:
    """A project, with the data of the dashboard beside it."""
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    project.environ |= {"PROJ_SERVE_DATA_ROOT": str(project.path / "data"), "USER": "ada", "LOGNAME": "ada"}
    return project


def dashboard_of(project: ProjectDir) -> Dashboard:
    return Dashboard(Settings(project.path / "data", auth=Auth(SECRET)))


def test_accounts_are_managed_at_the_console(here: ProjectDir) -> None:
    assert "no accounts; the next start" in here.proj("serve", "user", "list").err
    assert here.process("serve", "user", "add", "Bob", "--role", "runner", stdin=f"{PASSWORD}\n").code == 0
    dashboard = dashboard_of(here)
    browser = dashboard.logged_in("bob")
    assert browser.get("/api/v1/visitor").json()["role"] == "runner"
    assert here.proj("serve", "user", "role", "bob", "admin").code == 0
    assert browser.get("/api/v1/visitor").json()["role"] == "admin"
    for _ in range(11):
        refused = dashboard.browser().post("/login", data={"name": "bob", "password": "wrong"})
    assert refused.status_code == 429
    with pytest.raises(TooManyAttempts):
        log_in(dashboard.app.state.serving, "bob", PASSWORD, "192.0.2.1")
    assert here.process("serve", "user", "password", "bob", stdin=f"{PASSWORD}\n").code == 0
    assert browser.get("/api/v1/visitor").status_code == 401
    browser = dashboard.logged_in("bob")
    unknown = here.proj("serve", "user", "remove", "bop")
    assert (unknown.code, "did you mean `bob`?" in unknown.err) == (2, True)
    assert here.proj("serve", "user", "remove", "bob").code == 0
    assert browser.get("/api/v1/visitor").status_code == 401
    audited = [(row.actor, row.action, row.detail) for row in list_audit(dashboard.database) if not row.address]
    assert audited == [
        ("console:ada", "user remove", "bob"),
        ("console:ada", "user password", "bob"),
        ("console:ada", "user role", "bob to admin"),
        ("console:ada", "user add", "bob as runner"),
    ]


def test_a_token_is_shown_once_and_revoked(here: ProjectDir) -> None:
    created = here.proj("serve", "token", "create", "--name", "ci", "--expires", "30d")
    token = created.out.strip()
    [listed] = here.proj("serve", "token", "list", "--json").json
    assert (listed["name"], listed["role"]) == ("ci", "viewer")
    assert 29 < (listed["expires"] - listed["created"]) / 86400 <= 30
    shown = here.proj("serve", "token", "list")
    assert listed["id"] in shown.out
    assert token not in shown.out + json.dumps(listed)
    dashboard = dashboard_of(here)
    dashboard.clock.now = listed["created"]
    headers = {"authorization": f"Bearer {token}"}
    assert dashboard.browser().get("/api/v1/visitor", headers=headers).status_code == 200
    assert here.proj("serve", "token", "revoke", listed["id"]).code == 0
    assert dashboard.browser().get("/api/v1/visitor", headers=headers).status_code == 401
    assert here.proj("serve", "token", "create", "--expires", "2000d").code == 2


def test_a_deployment_is_printed_and_keeps_data_when_it_is_removed(here: ProjectDir) -> None:
    compose = here.proj("serve", "manifest").out
    service = yaml.safe_load(compose)["services"]["proj"]
    assert service["ports"] == ["127.0.0.1:8091:8091"]
    assert service["environment"]["PROJ_SERVE_AUTH_SECRET"] == "file:/run/secrets/proj-secret"
    assert service["volumes"][1] == {"type": "bind", "source": str(here.path), "target": "/projects/project"}
    assert "docker compose down  " in compose
    objects = list(yaml.safe_load_all(here.proj("serve", "manifest", "--format", "kubernetes").out))
    assert [one["kind"] for one in objects] == ["PersistentVolumeClaim", "Deployment", "Service"]
    pod = objects[1]["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    assert {"name": "PROJ_SERVE_DATA_ROOT", "value": "/data"} in pod["containers"][0]["env"]
    missing = here.proj("serve", "manifest", "--format", "systemd", "--config", "serve.yml")
    assert (missing.code, "`serve.yml` does not exist" in missing.err) == (2, True)
    here.write("serve.yml", "serve: {base_url: /team/ml}\n")
    unit = here.proj("serve", "manifest", "--format", "systemd", "--config", "serve.yml")
    [start] = [line for line in unit.out.splitlines() if line.startswith("ExecStart=")]
    assert start.endswith(f"-m weaselish serve {here.path} --no-open --config {here.path / 'serve.yml'}")
    assert "nothing was installed" in unit.err


def test_the_unit_is_one_that_systemd_understands(here: ProjectDir, tmp_path: Path) -> None:
    unit = tmp_path / "proj-serve.service"
    unit.write_text(here.proj("serve", "manifest", "--format", "systemd").out)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(unit)
    assert parser.sections() == ["Unit", "Service", "Install"]
    program = Path("/usr/bin/systemd-analyze")
    if program.exists():  # not in containers
        done = subprocess.run([program, "verify", "--user", unit], capture_output=True, text=True, timeout=60)
        assert str(unit) not in done.stderr, done.stderr


@pytest.mark.parametrize("words", [["serve"], ["serve", "user", "list"], ["serve", "token", "list"]])
def test_without_the_extra_the_message_says_what_to_install(
    here: ProjectDir, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = here.proj(*words)
    assert (done.code, 'pip install "weaselish[serve]"' in done.err) == (1, True)

"""Bad days of a running server: its database stops, its certificate expires or cannot be read; a container to stop."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from engines import Engine
from harness import ProjectDir, wait_until

from serve.conftest import Start
from serve.dashboard import PASSWORD, SECRET, form_token_in
from serve.real_servers import DATABASE_PASSWORD, Postgresql
from serve.running_server import RunningServer
from serve.test_server import curl, make_certificate
from weaselish.serve import certificates

CONTAINER = """\
executors:
  box: {type: podman, image: localhost/bb:1, options: ['--network=none']}
commands:
  - name: train
    script: ["sh -c 'touch begun; sleep 300'"]
    executor: box
"""


@pytest.mark.servers
def test_a_database_that_stops_is_said_and_nothing_is_lost(
    start: Start, project: ProjectDir, postgresql: str, postgresql_server: Postgresql
) -> None:
    server, address = start(AUTH_SECRET=SECRET, DATABASE=postgresql)
    split = urlsplit(address)
    with httpx.Client(base_url=f"http://{split.netloc}", timeout=30) as browser:
        assert browser.post(split.path, data={"name": "grace", "password": PASSWORD}).status_code == 303
        assert project.proj("run", "a").code == 0
        before = browser.get("/api/v1/projects/project/runs").json()["runs"]
        with postgresql_server.stopped():
            for path in ("/", "/p/project", "/account", "/api/v1/projects"):
                answer = browser.get(path)
                assert (path, answer.status_code, "the database does not answer" in answer.text) == (path, 503, True)
            assert browser.post("/login", data={"name": "grace", "password": PASSWORD}).status_code == 503
            assert browser.get("/healthz").status_code == 200
            assert project.proj("run", "a", "--force").code == 0  # runs need no dashboard
        wait_until(lambda: browser.get("/account").status_code == 200, "the database")  # with the same session
        runs = browser.get("/api/v1/projects/project/runs").json()["runs"]
        assert (len(runs), runs[1:]) == (2, before)
        page = browser.get("/account")
        assert browser.post("/logout", data={"form_token": form_token_in(page.text)}).status_code == 303
    assert server.is_running
    assert ("Traceback" in server.err, DATABASE_PASSWORD in server.err) == (False, False)


def test_a_certificate_that_expired_is_said_and_can_be_replaced(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "certificates"
    root.mkdir()
    monkeypatch.setattr(certificates, "_DAYS", -1)
    files = certificates.CertificateFiles(root / "cert.crt", root / "cert.key", is_own=False)
    certificates._make(files, ["127.0.0.1"])
    server, address = start(TLS_CERT_ROOT=str(root), AUTH_SECRET=SECRET)
    assert re.search(r"the certificate expired on \d{4}-\d\d-\d\d: browsers will refuse it", server.err)
    base = address.partition("/first/")[0]
    asked = ["curl", "-s", "-m", "20", "--cacert", str(files.certificate), f"{base}/healthz"]
    assert subprocess.run(asked, capture_output=True).returncode == 60  # curl refuses it
    make_certificate(root)
    wait_until(lambda: subprocess.run(asked, capture_output=True).stdout == b"ok\n", "the new certificate")
    assert curl("--cacert", str(files.certificate), f"{base}/login")


@pytest.mark.parametrize("name", ["cert.crt", "cert.key"])
def test_a_certificate_without_permission_stops_the_start(project: ProjectDir, tmp_path: Path, name: str) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    root = tmp_path / "certificates"
    make_certificate(root)
    (root / name).chmod(0)
    env = {**project.environ, "PROJ_SERVE_TLS_CERT_ROOT": str(root), "PROJ_SERVE_PORT": "0"}
    argv = [sys.executable, "-m", "weaselish", "serve", "--no-open"]
    if os.geteuid() == 0:  # modes do not stop root, unless it gives up this right
        argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *argv]
    done = subprocess.run(argv, cwd=project.path, env=env, capture_output=True, text=True, timeout=60)
    message = f"error: `{root / name}`: permission denied\n"
    assert (done.returncode, done.stderr[: len(message)]) == (1, message)
    assert "which the user of the server may read" in done.stderr


@pytest.mark.servers
def test_a_page_stops_a_step_in_its_container(podman: Engine, project: ProjectDir) -> None:
    project.environ.update(podman.environ)
    project.project(CONTAINER)
    with RunningServer(project, "--allow-run") as server:
        running = project.start("run", "train")
        wait_until(lambda: project.exists("begun"), "the script")
        wait_until(lambda: "train" in server.client.get("/p/project/jobs").text, "the job")
        [run] = server.get("projects/project/runs")["runs"]
        form = {"form_token": server.client.headers["x-form-token"], "run": run["run"], "step": "train", "what": "step"}
        assert server.client.post("/p/project/stop", data=form).status_code == 303
        assert running.wait().code == 137
        wait_until(lambda: server.get("projects/project/runs")["runs"][0]["message"] is not None, "the end of the run")
        assert "stopped on request" in server.client.get(f"/p/project/runs/{run['run']}").text
    left = ["podman", "ps", "--all", "--quiet", f"--filter=label=proj.root={project.path}"]
    assert not subprocess.run(left, env=project.environ, capture_output=True, check=True).stdout

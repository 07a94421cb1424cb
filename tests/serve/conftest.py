"""The real servers, and a dashboard, each started when the first test of a worker needs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from harness import Background, ProjectDir, wait_until
from servers import Missing, Server

from serve import real_servers
from serve.real_servers import Postgresql
from serve.running_server import RunningServer

Start = Callable[..., tuple[Background, str]]

PLAY = """\
    remotes: {default: ../remote}
    vars: {word: hello}
    commands:
      - name: prep
        script:
          - sh -c 'echo ${vars.word} > data'
        outputs: [data]
      - name: train
        deps: [data]
        script:
          - sh wait.sh train
          - sh -c 'cp data model'
        outputs: [model]
      - name: talk
        script:
          - sh -c 'echo one; printf "\\033[31mred\\033[0m <b>\\n"; sh wait.sh talk; echo two'
      - name: ask
        confirm: Really?
        script:
          - echo yes
    workflows: {all: [prep, train]}
    """


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProjectDir, RunningServer]]:
    """A project whose dashboard may run it."""
    path: Path = tmp_path_factory.mktemp("play")
    project = ProjectDir(path / "play", path / "scratch")
    project.project(PLAY)
    project.write_wait()
    with RunningServer(project, "--allow-run") as dashboard:
        yield project, dashboard


@pytest.fixture
def start(project: ProjectDir, request: pytest.FixtureRequest) -> Start:
    """Starts `proj serve` on a free port with settings from the environment; returns it and the printed address."""
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")

    def start_with(*words: str, **environ: str) -> tuple[Background, str]:
        given = {f"PROJ_SERVE_{name}": value for name, value in environ.items()}
        settings = {"PROJ_SERVE_DATA_ROOT": str(project.path / "../data"), "PROJ_SERVE_PORT": "0", **given}
        server = project.start("serve", "--no-open", *words, env=settings)
        request.addfinalizer(lambda: server.signal(signal.SIGKILL))
        wait_until(lambda: "\n" in server.out or not server.is_running, "the start of the server")
        assert server.is_running, server.err
        return server, server.out.splitlines()[0]

    return start_with


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Postgresql]:
    """A server of PostgreSQL, for many databases."""
    try:
        with real_servers.postgresql() as server:
            yield server
    except Missing as missing:
        _without(missing)


@pytest.fixture
def postgresql(postgresql_server: Postgresql) -> str:
    """The address of an empty database."""
    import sqlalchemy

    name = f"test_{uuid4().hex}"
    engine = sqlalchemy.create_engine(postgresql_server.address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sqlalchemy.text(f"create database {name}"))
    engine.dispose()
    return f"{postgresql_server.address.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An OpenID provider that sends browsers back to http://localhost, or to nginx of the tests."""
    redirects = [
        "http://localhost/login/oidc/callback",
        *(f"https://localhost:{port}/team/ml/login/oidc/callback" for port in NGINX_PORTS),
    ]
    try:
        with real_servers.openid_provider(tmp_path_factory.mktemp("provider"), redirects) as server:
            yield server
    except Missing as missing:
        _without(missing)


NGINX_PORTS = range(32_100, 32_120)


def _without(missing: Missing) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{missing} is not installed")
    pytest.skip(f"{missing} is not installed: tests/install-servers")

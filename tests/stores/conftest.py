"""The servers, each started when the first test of a worker needs it and stopped at the worker's end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import servers
from servers import Server

from weaselish.cancel import Cancel
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.stores.open import open_store

BUCKET = "weaselish-tests"

Start = Callable[[Path], AbstractContextManager[Server]]


@pytest.fixture(autouse=True)
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "GCE_", "CLOUDSDK_", "STORAGE_EMULATOR", "CLOUDPATHLIB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _with_s3_bucket(servers.seaweedfs, tmp_path_factory)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _with_s3_bucket(servers.moto, tmp_path_factory)


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _with_s3_bucket(servers.rclone, tmp_path_factory)


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    for server in _started(servers.fake_gcs, tmp_path_factory):
        options = {"api_endpoint": server.url}
        Client(project="p", credentials=AnonymousCredentials(), client_options=options).create_bucket(BUCKET)
        yield server


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _started(servers.nginx, tmp_path_factory)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from azure.storage.blob import BlobServiceClient

    for server in _started(servers.azurite, tmp_path_factory):
        connection = server.environ["AZURE_STORAGE_CONNECTION_STRING"]
        BlobServiceClient.from_connection_string(connection).create_container(BUCKET)
        yield server


def open_remote(remote: Remote, *, root: Path = Path()) -> Store:
    return open_store(remote, root=root, cancel=Cancel())


@contextmanager
def signed_in(environ: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield


def _with_s3_bucket(start: Start, factory: pytest.TempPathFactory) -> Iterator[Server]:
    for server in _started(start, factory):
        servers.s3_client(server).create_bucket(Bucket=BUCKET)
        yield server


def _started(start: Start, factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is missing is a failure in CI, and a skip elsewhere."""
    try:
        with start(factory.mktemp(start.__name__)) as server:
            yield server
    except servers.Missing as missing:
        reason = f"{missing} is not installed: run tests/install-servers"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

"""Stores through cloudpathlib, and paths for programs."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cloudpathlib import CloudPath
from cloudpathlib.client import register_client_class
from cloudpathlib.cloudpath import implementation_registry, register_path_class
from cloudpathlib.local import LocalClient, LocalPath
from servers import Server

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled, NotInStore, StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.stores.cloudpath import CloudPathStore, cloud_path
from weaselish.stores.directory import DirectoryStore

from .conftest import BUCKET, open_remote
from .contract import OpenWith, StoreContract, keys, read


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Any]:
    """A client that a program registered for `lab://`; it keeps its objects in a directory."""

    class LabPath(LocalPath):
        cloud_prefix = "lab://"
        drive = property(lambda self: self._no_prefix.split("/", 1)[0])

        def mkdir(self, *_: object, **__: object) -> None:
            pass

    class LabClient(LocalClient):
        def _upload_file(self, local_path: Any, cloud_path: Any) -> Any:
            target = self._cloud_path_to_local(cloud_path)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = tmp_path / uuid.uuid4().hex
            shutil.copy(local_path, temporary)
            return temporary.replace(target) and cloud_path

    register_path_class("lab")(LabPath)
    register_client_class("lab")(LabClient)
    client = LabClient(local_storage_dir=tmp_path / "lab")
    client.set_as_default_client()
    yield client
    del implementation_registry["lab"]


class TestCustomClient(StoreContract):
    one_wins = one_large_wins = copies = False
    many = 100

    @pytest.fixture
    def open_with(self, lab: Any) -> OpenWith:
        base = lab.CloudPath("lab://bucket/some where")
        return lambda cancel: CloudPathStore(base, remote="remote `test`", cancel=cancel)


def test_a_remote_at_a_custom_scheme_is_opened_by_its_url(lab: Any) -> None:
    store = open_remote(Remote("lab", "lab://bucket/p"))
    assert store.put("a/b", [b"x"])
    assert keys(open_remote(Remote("lab", "lab://bucket"))) == ["p/a/b"]
    assert cloud_path(Remote("lab", "lab://bucket/p"), "a/b").read_bytes() == b"x"


def test_an_error_of_a_custom_client_names_the_remote(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such laboratory\nat all")

    monkeypatch.setattr(type(lab), "_list_dir", fail)
    with pytest.raises(StoreError) as caught:
        keys(open_remote(Remote("lab", "lab://bucket/p")))
    assert caught.value.message == "remote `lab` (lab://bucket/p): no such laboratory at all while listing it"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A server that lists and serves a store in `tmp_path / "web"`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "web").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/p"
        server.shutdown()


class TestWeb:
    NAMES = ("a/b%2Fc/x", "a/größe", "top", "with space/and  two")

    @pytest.fixture
    def store(self, web: str, tmp_path: Path) -> Store:
        (tmp_path / "web/p").mkdir()
        for name in self.NAMES:
            DirectoryStore(tmp_path / "web/p").put(name, [name.encode()])
        shutil.rmtree(tmp_path / "web/p/.proj-tmp")
        return open_remote(Remote("lab", web))

    def test_objects_are_listed_and_read(self, store: Store) -> None:
        assert keys(store) == sorted(self.NAMES)
        assert keys(store, "a") == ["a/b%2Fc/x", "a/größe"]
        for name in self.NAMES:
            head = store.head(name)
            assert head is not None and (head.key, head.size) == (name, len(name.encode()))
            assert read(store, name) == name.encode()
        assert b"".join(store.get("top", start=1, end=2)) == b"o"

    def test_a_missing_object_is_not_an_error_of_the_server(self, store: Store) -> None:
        assert keys(store, "none/such") == []
        with pytest.raises(NotInStore):
            read(store, "none")

    def test_nothing_is_written(self, store: Store) -> None:
        for use in (lambda: store.put("a", [b"x"]), lambda: store.delete("top")):
            with pytest.raises(StoreError, match=r"remote `lab` .* is read-only: `proj` does not write over http"):
                use()

    def test_a_server_that_cannot_be_reached_is_not_an_empty_store(self) -> None:
        store = open_remote(Remote("lab", "http://127.0.0.1:9/p"))
        for use in (lambda: keys(store), lambda: read(store, "a")):
            with pytest.raises(StoreError, match=r"remote `lab` .*Connection refused while") as caught:
                use()
            assert not isinstance(caught.value, NotInStore)


@pytest.mark.servers
@pytest.mark.parametrize(("kind", "scheme"), [("seaweedfs", "s3"), ("fake_gcs", "gs"), ("azurite", "az")])
def test_a_program_gets_a_path_in_a_bucket(
    kind: str, scheme: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(kind)
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    endpoint = server.url if scheme == "s3" else None
    remote = Remote("lab", f"{scheme}://{BUCKET}/{uuid.uuid4().hex}", endpoint_url=endpoint)
    open_remote(remote).put("a/b", [b"x"])
    path = cloud_path(remote, "a/b")
    assert isinstance(path, CloudPath)
    assert (str(path), path.read_bytes()) == (f"{remote.url}/a/b", b"x")
    cloud_path(remote, "c").write_text("y")
    assert keys(open_remote(remote)) == ["a/b", "c"]


@pytest.mark.parametrize(
    ("remote", "key", "message"),
    [
        (Remote("lab", "../store"), "", "remote `lab` is a directory: `../store`"),
        (Remote("lab", "file:///store"), "a", "remote `lab` is a directory: `file:///store`"),
        (Remote("lab", "s3://bucket"), "../a", "remote `lab`: '../a' cannot be a key"),
        (
            Remote("lab", "s3://bucket", profile="ada"),
            "a",
            "remote `lab` (s3://bucket): no usable credentials (The config profile (ada) could not be found)"
            " while setting it up",
        ),
        (Remote("lab", "az://c", sse="AES256"), "a", "remote `lab`: `sse:` means nothing for `az://c`"),
    ],
)
def test_a_path_needs_a_bucket_and_a_key(remote: Remote, key: str, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        cloud_path(remote, key)
    assert caught.value.message == message


def test_a_cancelled_store_does_not_wait_for_a_client(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Cancel() as cancel:
        never = threading.Event()
        monkeypatch.setattr(type(lab), "_list_dir", lambda *_, **__: iter(never.wait, None))
        store = CloudPathStore(lab.CloudPath("lab://bucket"), remote="remote `test`", cancel=cancel)
        threading.Timer(0.05, cancel.request).start()
        with pytest.raises(Cancelled):
            keys(store)
        never.set()

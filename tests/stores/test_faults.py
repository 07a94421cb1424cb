"""Connections that break: what arrives is whole, or it is an error; what is sent is there whole, or not at all."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from proxy import Fault, Proxy, proxy_to
from servers import Server

from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.stores.cloud import Bucket, CloudStore
from weaselish.stores.cloud_azure import AzureBucket
from weaselish.stores.cloud_gs import GSBucket
from weaselish.stores.cloud_s3 import S3Bucket

from .conftest import BUCKET, signed_in
from .contract import LARGE, MIB, digest, in_chunks, keys, noise, read

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Cloud:
    """`marks`: what the requests that make an object look like, of one part and of several."""

    server: str
    scheme: str
    bucket: type[Bucket]
    marks: tuple[bytes, bytes]


CLOUDS = (
    Cloud("seaweedfs", "s3", S3Bucket, (b"PUT /", rb"POST /\S*uploadId=")),
    Cloud("fake_gcs", "gs", GSBucket, (b"uploadType=multipart", b"")),
    Cloud("azurite", "az", AzureBucket, (b"PUT /", b"comp=blocklist")),
)
TWO_WAYS = [cloud for cloud in CLOUDS if cloud.scheme != "gs"]  # its server names itself, past the proxy, for uploads


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Cloud:
    return request.param


@pytest.fixture
def server(cloud: Cloud, request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(cloud.server)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxy_to(server.port) as proxy:
        yield proxy


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def direct(cloud: Cloud, server: Server, prefix: str) -> Store:
    return connect(cloud, server, prefix)


@pytest.fixture
def store(cloud: Cloud, server: Server, prefix: str, proxy: Proxy) -> Store:
    through = {name: value.replace(str(server.port), str(proxy.port)) for name, value in server.environ.items()}
    return connect(cloud, Server(proxy.port, through), prefix)


def connect(cloud: Cloud, server: Server, prefix: str) -> CloudStore:
    with signed_in(server):
        bucket = cloud.bucket(Remote("test", f"{cloud.scheme}://{BUCKET}/{prefix}"))
    return CloudStore(bucket, remote="remote `test`", pauses=(0.01, 0.02, 0.03))


def each(clouds: tuple[Cloud, ...] | list[Cloud]) -> Callable[..., object]:
    return pytest.mark.parametrize("cloud", clouds, ids=lambda cloud: cloud.scheme, indirect=True)


@each(CLOUDS)
@pytest.mark.parametrize("size", [3_000_000, LARGE])
def test_a_download_that_is_cut_goes_on_where_it_was(
    cloud: Cloud, store: Store, direct: Store, proxy: Proxy, size: int
) -> None:
    direct.put("key", [noise(size)])
    proxy.fault = Fault(b"GET /", answer=2_000_000)
    assert digest(store.get("key")) == digest([noise(size)])
    assert proxy.happened


@each(CLOUDS)
def test_a_download_that_is_always_cut_is_an_error_and_never_a_short_object(
    cloud: Cloud, store: Store, direct: Store, proxy: Proxy
) -> None:
    direct.put("key", [noise(3_000_000)])
    proxy.fault = Fault(b"GET /", answer=2_000_000, times=100)
    with pytest.raises(StoreError, match=r"remote `test`: the connection or the server failed .* while reading `key`"):
        read(store, "key")


@each(CLOUDS)
def test_a_listing_that_is_cut_is_asked_for_again(cloud: Cloud, store: Store, direct: Store, proxy: Proxy) -> None:
    names = [f"{number:03}" for number in range(20)]
    for name in names:
        direct.put(name, [b"x"], replace=True)
    proxy.fault = Fault(b"GET /", answer=600)
    assert keys(store) == names
    assert proxy.happened


@each(CLOUDS)
def test_an_object_is_ours_though_the_answer_was_lost(cloud: Cloud, store: Store, direct: Store, proxy: Proxy) -> None:
    proxy.fault = Fault(cloud.marks[0], answer=0)
    assert store.put("key", [b"ours"])
    assert proxy.happened
    assert read(direct, "key") == b"ours"
    assert not store.put("key", [b"again"])


@each(TWO_WAYS)
def test_a_large_object_is_ours_though_the_answer_was_lost(
    cloud: Cloud, store: Store, direct: Store, proxy: Proxy
) -> None:
    proxy.fault = Fault(cloud.marks[1], answer=0)
    assert store.put("key", in_chunks(noise(LARGE)))
    assert proxy.happened
    assert digest(direct.get("key")) == digest([noise(LARGE)])


@each(TWO_WAYS)
def test_an_upload_that_is_cut_is_finished(cloud: Cloud, store: Store, direct: Store, proxy: Proxy) -> None:
    proxy.fault = Fault(b"PUT /", request=3 * MIB, times=2)
    assert store.put("key", in_chunks(noise(LARGE)))
    assert proxy.happened == 2
    assert digest(direct.get("key")) == digest([noise(LARGE)])


@each(TWO_WAYS)
def test_an_upload_that_is_always_cut_is_an_error_and_leaves_nothing(
    cloud: Cloud, store: Store, direct: Store, proxy: Proxy
) -> None:
    proxy.fault = Fault(b"PUT /", request=3 * MIB, times=1_000)
    with pytest.raises(StoreError, match=r"remote `test`.* while writing `key`"):
        store.put("key", in_chunks(noise(LARGE)))
    assert keys(direct) == []


@each(CLOUDS)
def test_a_connection_that_stalls_is_given_up_and_opened_again(
    cloud: Cloud, server: Server, direct: Store, proxy: Proxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = cloud.bucket.__module__
    monkeypatch.setattr(f"{module}.READ_TIMEOUT", 1)
    if cloud.scheme == "gs":
        monkeypatch.setattr(f"{module}.TIMEOUT", (1, 1))
    through = {name: value.replace(str(server.port), str(proxy.port)) for name, value in server.environ.items()}
    store = connect(cloud, Server(proxy.port, through), prefix)
    direct.put("key", [noise(3_000_000)])
    proxy.fault = Fault(b"GET /", answer=2_000_000, stall=True)
    began = time.monotonic()
    assert digest(store.get("key")) == digest([noise(3_000_000)])
    assert proxy.happened and time.monotonic() - began < 30

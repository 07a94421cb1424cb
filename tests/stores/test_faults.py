"""Connections that break: what arrives is whole, or it is an error; what is sent is there whole, or not at all."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

import pytest
from proxy import Fault, Proxy, proxy_to
from servers import Server

from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.azure import AzureBucket
from weaselish.stores.base import Store
from weaselish.stores.bucket import Bucket
from weaselish.stores.cloud import CloudStore
from weaselish.stores.gs import GSBucket
from weaselish.stores.s3 import S3Bucket

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


@dataclass(frozen=True)
class Link:
    """The same bucket straight, and through the proxy."""

    direct: Bucket
    proxied: Bucket
    proxy: Proxy


@pytest.fixture(scope="module")
def link_to(request: pytest.FixtureRequest) -> Iterator[Callable[[Cloud], Link]]:
    """Makes each link once: clients and proxies are used again by the next test."""
    with ExitStack() as stack:

        @cache
        def link(cloud: Cloud) -> Link:
            server: Server = request.getfixturevalue(cloud.server)
            proxy = stack.enter_context(proxy_to(server.port))
            return Link(connect(cloud, server.environ), connect(cloud, through(proxy, server)), proxy)

        yield link


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Cloud:
    cloud: Cloud = request.param
    return cloud


@pytest.fixture
def link(cloud: Cloud, link_to: Callable[[Cloud], Link]) -> Link:
    return link_to(cloud)


@pytest.fixture
def proxy(link: Link) -> Iterator[Proxy]:
    link.proxy.happened = 0
    yield link.proxy
    link.proxy.fault = None


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def direct(link: Link, prefix: str) -> Store:
    return store_on(link.direct, prefix)


@pytest.fixture
def store(link: Link, prefix: str) -> Store:
    return store_on(link.proxied, prefix)


def through(proxy: Proxy, server: Server) -> dict[str, str]:
    return {name: value.replace(str(server.port), str(proxy.port)) for name, value in server.environ.items()}


def connect(cloud: Cloud, environ: Mapping[str, str]) -> Bucket:
    with signed_in(environ):
        return cloud.bucket(Remote("test", f"{cloud.scheme}://{BUCKET}"))


def store_on(bucket: Bucket, prefix: str) -> CloudStore:
    bucket = copy.copy(bucket)
    bucket.prefix = prefix
    return CloudStore(bucket, remote="remote `test`", pauses=(0.01, 0.02))


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
    cloud: Cloud, direct: Store, proxy: Proxy, prefix: str, request: pytest.FixtureRequest
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{cloud.bucket.__module__}.READ_TIMEOUT", 1)
        patch.setattr(f"{cloud.bucket.__module__}.TIMEOUT", (1, 1), raising=False)
        impatient = connect(cloud, through(proxy, request.getfixturevalue(cloud.server)))
        direct.put("key", [noise(3_000_000)])
        proxy.fault = Fault(b"GET /", answer=2_000_000, stall=True)
        began = time.monotonic()
        assert digest(store_on(impatient, prefix).get("key")) == digest([noise(3_000_000)])
        assert proxy.happened and time.monotonic() - began < 30

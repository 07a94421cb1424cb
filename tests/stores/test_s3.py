"""S3: SeaweedFS, moto, and rclone's server, which ignores conditions."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import servers
from botocore.awsrequest import AWSPreparedRequest  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]
from servers import Server

from weaselish.cancel import Cancel
from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.stores.cloud import CloudStore
from weaselish.stores.open import credentials_source
from weaselish.stores.parts import PART
from weaselish.stores.s3 import SMALL, S3Bucket, parse_time

from .conftest import BUCKET, open_remote, signed_in
from .contract import OpenWith, StoreContract, keys, read

PAUSES = (0.05, 0.1, 0.2)
pytestmark = pytest.mark.servers


def bucket_on(server: Server) -> S3Bucket:
    with signed_in(server.environ):
        return S3Bucket(Remote("test", f"s3://{BUCKET}"))


seaweedfs_bucket = pytest.fixture(scope="module")(lambda seaweedfs: bucket_on(seaweedfs))
moto_bucket = pytest.fixture(scope="module")(lambda moto: bucket_on(moto))
rclone_bucket = pytest.fixture(scope="module")(lambda rclone: bucket_on(rclone))


def fresh(bucket: S3Bucket) -> S3Bucket:
    """Return the bucket with a new prefix. A new client would take longer than most tests."""
    bucket = copy.copy(bucket)
    bucket.prefix = f"some prefix/{uuid.uuid4().hex}"
    bucket.close = lambda: None  # type: ignore[method-assign]
    return bucket


def store_on(bucket: S3Bucket, cancel: Cancel | None = None) -> CloudStore:
    return CloudStore(bucket, remote="remote `test`", cancel=cancel, pauses=PAUSES)


def opener(bucket: S3Bucket) -> OpenWith:
    bucket = fresh(bucket)
    return lambda cancel: store_on(bucket, cancel)


class TestSeaweedFS(StoreContract):
    one_large_wins = False  # it checks before it completes an upload, in two steps; a single put is one step

    @pytest.fixture
    def open_with(self, seaweedfs_bucket: S3Bucket) -> OpenWith:
        return opener(seaweedfs_bucket)

    def test_an_upload_that_failed_leaves_no_parts(self, store: Store, seaweedfs_bucket: S3Bucket) -> None:
        self.test_chunks_that_raise_after_some_parts_leave_nothing(store)
        assert "Uploads" not in seaweedfs_bucket._client.list_multipart_uploads(Bucket=BUCKET)

    def test_an_upload_that_lost_the_race_leaves_no_parts(self, store: Store, seaweedfs_bucket: S3Bucket) -> None:
        self.test_of_many_writers_of_large_objects_one_wins(store)
        assert "Uploads" not in seaweedfs_bucket._client.list_multipart_uploads(Bucket=BUCKET)


class TestMoto(StoreContract):
    one_wins = one_large_wins = False  # its check and its write are two steps
    many = 60  # it takes long for more

    @pytest.fixture
    def open_with(self, moto_bucket: S3Bucket) -> OpenWith:
        return opener(moto_bucket)


class TestRclone(StoreContract):
    one_wins = one_large_wins = False

    @pytest.fixture
    def open_with(self, rclone_bucket: S3Bucket) -> OpenWith:
        return opener(rclone_bucket)

    def test_deleting_part_of_a_key_deletes_nothing(self, store: Store) -> None:
        """It answers 500, since its keys are files."""
        store.put("a/b", [b"x"])
        with pytest.raises(StoreError):
            store.delete("a")
        assert keys(store) == ["a/b"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T17:00:31.123Z",
        "2026-11-21T17:00:31Z",
        "2026-11-21T17:00:31.123456789+01:00",
        "2026-11-21T17:00:31",
        "Sat, 21 Nov 2026 17:00:31 GMT",
        "Saturday, 21-Nov-26 17:00:31 GMT",
        "1795279365",
        1795279365.5,
    ],
)
def test_times_are_read_as_botocore_reads_them(text: object) -> None:
    assert parse_time(text) == parse_timestamp(text)


@pytest.mark.parametrize("server", ["seaweedfs", "rclone"])  # moto checks nothing
@pytest.mark.parametrize("size", [10_000, PART + 10_000])
def test_a_body_that_is_damaged_in_transit_is_refused(server: str, size: int, request: pytest.FixtureRequest) -> None:
    """By its MD5: these servers do not look at the SHA-256 that a request over http may be signed with."""
    bucket = bucket_on(request.getfixturevalue(server))
    store = store_on(fresh(bucket))

    def damage(request: AWSPreparedRequest, **_: object) -> None:
        body = getattr(request.body, "getvalue", bytes)()
        if len(body) == 10_000:
            request.body = b"!" + body[1:]

    bucket._client.meta.events.register("before-send.s3", damage)
    with pytest.raises(StoreError, match=r"BadDigest|NoSuchUpload"):
        store.put("key", [bytes(size)])
    assert keys(store) == []


def test_only_a_large_body_waits_until_the_server_wants_it(seaweedfs: Server) -> None:
    bucket = bucket_on(seaweedfs)
    store = store_on(fresh(bucket))
    waited: list[bool] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        waited.append("Expect" in request.headers)

    for operation in ("PutObject", "UploadPart"):
        bucket._client.meta.events.register(f"before-send.s3.{operation}", note)
    for size in (0, 1, SMALL, SMALL + 1, PART + 1):
        assert store.put(f"key-{size}", [bytes(size)])
    assert waited[:4] == [False, False, False, True]
    assert sorted(waited[4:]) == [False, True], "the parts of a large object, of PART bytes and of one"


class TestRemotes:
    """Through `open_store`, as the engine does."""

    @pytest.fixture(autouse=True)
    def as_writer(self, seaweedfs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in seaweedfs.environ.items():
            monkeypatch.setenv(name, value)

    def test_a_remote_is_opened_by_its_url(self) -> None:
        remote = Remote("lab", f"s3://{BUCKET}/opened/here/")
        store = open_remote(remote)
        assert store.put("a", [b"x"])
        assert keys(open_remote(Remote("lab", f"s3://{BUCKET}/opened"))) == ["here/a"]

    def test_a_bucket_without_a_prefix_can_be_a_remote(self) -> None:
        store = open_remote(Remote("lab", f"s3://{BUCKET}"))
        store.put("at-the-top/a", [b"x"])
        assert keys(store, "at-the-top") == ["at-the-top/a"]

    def test_endpoint_region_and_profile_come_from_the_remote(
        self, seaweedfs: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name)
        credentials = tmp_path / "credentials"
        credentials.write_text(
            f"[minio]\naws_access_key_id = {servers.KEY}\naws_secret_access_key = {servers.SECRET}\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
        remote = Remote("lab", f"s3://{BUCKET}/profile", seaweedfs.url, "minio", "eu-west-1")
        store = open_remote(remote)
        assert store.put("a", [b"x"])
        assert credentials_source(remote) == "the shared credentials file (profile `minio`)"

    def test_the_source_of_credentials_is_reported_without_them(self) -> None:
        source = credentials_source(Remote("lab", f"s3://{BUCKET}"))
        assert source == "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

    def test_a_read_only_remote_is_not_written(self) -> None:
        store = open_remote(Remote("lab", f"s3://{BUCKET}/only-read", read_only=True))
        with pytest.raises(StoreError, match="remote `lab` is read-only: cannot write `a`"):
            store.put("a", [b"x"])

    def test_a_server_without_conditions_says_so_and_is_used_without_them(
        self, rclone: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", rclone.url)
        store = open_remote(Remote("lab", f"s3://{BUCKET}/no-conditions"))
        assert (store.put("a", [b"1"]), store.put("a", [b"2"])) == (True, False)
        assert read(store, "a") == b"1"

    @pytest.mark.parametrize(
        ("environ", "said", "hint"),
        [
            (
                {"AWS_SECRET_ACCESS_KEY": "wrong"},
                r"access refused \(SignatureDoesNotMatch: The request signature",
                "key is right",
            ),
            (
                {"AWS_ACCESS_KEY_ID": "AKIANOBODY"},
                r"access refused \(InvalidAccessKeyId: The access key ID",
                "key is right",
            ),
            (
                {"AWS_ACCESS_KEY_ID": servers.READER_KEY, "AWS_SECRET_ACCESS_KEY": servers.READER_SECRET},
                r"access refused \(AccessDenied: .*\) while writing `key`; tried the environment variables",
                "may do this in the bucket",
            ),
            ({"AWS_ACCESS_KEY_ID": ""}, "no usable credentials", "set AWS_ACCESS_KEY_ID"),
            (
                {"AWS_PROFILE": "nobody"},
                r"no usable credentials \(The config profile \(nobody\) could not be found\)",
                "profile",
            ),
            ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, "cannot be reached", "endpoint_url"),
            ({"AWS_ENDPOINT_URL_S3": "nonsense"}, "is not set up right", "endpoint_url"),
        ],
    )
    def test_an_error_is_one_line_without_secrets(
        self, environ: dict[str, str], said: str, hint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in environ.items():
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
        with pytest.raises(StoreError, match=said) as caught:
            open_remote(Remote("lab", f"s3://{BUCKET}/p")).put("key", [b"x"])
        assert_reported_well(caught.value, hint)

    def test_a_missing_bucket_is_named(self) -> None:
        store = open_remote(Remote("lab", "s3://no-such-bucket/p"))
        for use in (
            lambda: list(store.list("")),
            lambda: list(store.get("a")),
            lambda: store.put("a", [b"x"]),
        ):
            with pytest.raises(StoreError, match=r"remote `lab` \(s3://no-such-bucket/p at .*no such bucket") as caught:
                use()
            assert_reported_well(caught.value, "create the bucket")

    @pytest.mark.parametrize(
        ("status", "page", "hint"),
        [
            (200, b"<html>not even well-formed<br>", "is this an S3 server?"),
            (200, b"<html>well-formed</html>", "is this an S3 server?"),
            (404, b"<html>none</html>", "check the name in `url:`"),
        ],
    )
    def test_a_server_of_another_kind_is_named(
        self, status: int, page: bytes, hint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with web_pages(status, page) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
            store = open_remote(Remote("lab", f"s3://{BUCKET}/p"))
            with pytest.raises(StoreError) as caught:
                list(store.list(""))
            assert_reported_well(caught.value, hint)


class TestOptions:
    """Options of remotes, on moto: it has public buckets, encryption and archived objects."""

    @pytest.fixture(autouse=True)
    def as_owner(self, moto: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in moto.environ.items():
            monkeypatch.setenv(name, value)

    @pytest.fixture
    def client(self, moto: Server) -> Any:
        return servers.s3_client(moto)

    def sent(self, remote: Remote, use: Callable[[Store], object]) -> list[Mapping[str, str]]:
        """Return the headers of the requests that `use` sends."""
        bucket = S3Bucket(remote)
        headers: list[Mapping[str, str]] = []

        def note(request: AWSPreparedRequest, **_: object) -> None:
            pairs = request.headers.items()
            headers.append(
                {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in pairs}
            )

        bucket._client.meta.events.register("before-send.s3", note)
        use(store_on(bucket))
        return headers

    def test_a_public_bucket_needs_no_credentials(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        client.put_object(Bucket=BUCKET, Key="public/a", Body=b"x", ACL="public-read")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        remote = Remote("lab", f"s3://{BUCKET}/public", anonymous=True)
        assert read(open_remote(remote), "a") == b"x"
        assert credentials_source(remote) == "no credentials (`anonymous: true`)"
        assert all("authorization" not in headers for headers in self.sent(remote, lambda store: read(store, "a")))

    @pytest.mark.parametrize("size", [1, PART + 1])
    @pytest.mark.parametrize(("sse", "key"), [("AES256", None), ("aws:kms", None), ("aws:kms", "alias/team")])
    def test_objects_are_encrypted_as_the_remote_says(self, client: Any, sse: str, key: str | None, size: int) -> None:
        prefix = uuid.uuid4().hex
        store = open_remote(Remote("lab", f"s3://{BUCKET}/{prefix}", sse=sse, kms_key=key))
        assert store.put("a", [bytes(size)])
        head = client.head_object(Bucket=BUCKET, Key=f"{prefix}/a")
        assert head["ServerSideEncryption"] == sse
        assert key is None or head["SSEKMSKeyId"].endswith(key)
        assert len(read(store, "a")) == size

    def test_each_request_says_that_the_requester_pays(self) -> None:
        def use(store: Store) -> None:
            store.put("a", [bytes(PART + 1)])
            store.put("b", [b"x"])
            assert len(read(store, "a")) == PART + 1
            assert keys(store) == ["a", "b"]
            store.delete("a")

        remote = Remote("lab", f"s3://{BUCKET}/{uuid.uuid4().hex}", requester_pays=True)
        headers = self.sent(remote, use)
        assert len(headers) >= 8
        assert {request.get("x-amz-request-payer") for request in headers} == {"requester"}

    def test_an_archived_object_is_reported_as_such(self, client: Any) -> None:
        client.put_object(Bucket=BUCKET, Key="cold/a", Body=b"x", StorageClass="GLACIER")
        with pytest.raises(
            StoreError, match=r"the object is archived \(InvalidObjectState.*while reading `a`"
        ) as caught:
            read(open_remote(Remote("lab", f"s3://{BUCKET}/cold")), "a")
        assert_reported_well(caught.value, "restore-object")


class TestSetUp:
    """Faults in the configuration of AWS, which need no server."""

    @pytest.fixture(autouse=True)
    def signed_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET)

    def error(self, **options: str) -> StoreError:
        with pytest.raises(StoreError) as caught:
            list(open_remote(Remote("lab", f"s3://{BUCKET}/p", **options)).list(""))  # type: ignore[arg-type]
        assert_reported_well(caught.value)
        return caught.value

    def test_a_missing_profile_is_named(self) -> None:
        error = self.error(profile="ada")
        assert "no usable credentials (The config profile (ada) could not be found)" in error.message

    @pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
    @pytest.mark.parametrize("content", [b"no section\n", b"[default\n", b"\xff\xfe[default]\n"])
    def test_a_broken_file_of_the_configuration_is_named(
        self, variable: str, content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "aws").write_bytes(content)
        monkeypatch.setenv(variable, str(tmp_path / "aws"))
        error = self.error()
        assert f"the remote is not set up right (Unable to parse config file: {tmp_path}/aws)" in error.message
        assert error.hint == "correct this file of the AWS configuration"

    def test_a_credential_process_that_fails_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "config").write_text("[profile lab]\ncredential_process = sh -c 'echo no card >&2; exit 3'\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        error = self.error(profile="lab", endpoint_url="http://127.0.0.1:9")
        assert "no usable credentials (Error when retrieving credentials from custom-process: no card)" in error.message

    def test_a_profile_with_half_a_key_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        error = self.error(endpoint_url="http://127.0.0.1:9")
        assert "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY" in error.message


@contextmanager
def web_pages(status: int, page: bytes) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def assert_reported_well(error: StoreError, hint: str = "") -> None:
    said = f"{error.message} {error.hint}"
    assert "\n" not in said
    assert "remote `lab`" in error.message
    assert hint in (error.hint or "")
    for secret in (servers.KEY, servers.SECRET, servers.READER_SECRET, "AKIANOBODY", "wrong "):
        assert secret not in said


@pytest.mark.parametrize("scheme", ["s3", "S3"])
@pytest.mark.parametrize("empty", [None, ""])
def test_a_scheme_in_capitals_and_options_that_are_empty_mean_what_they_mean_elsewhere(
    scheme: str, empty: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option is empty where it is a variable of the environment that is."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    bucket = S3Bucket(Remote("test", f"{scheme}://bucket/some/where/", endpoint_url=empty, region=empty))
    assert (bucket._bucket, bucket.prefix, bucket.endpoint) == ("bucket", "some/where", "")
    assert bucket.honours_conditions


def test_an_object_is_copied_in_parts_if_it_is_too_large_for_one_request(seaweedfs_bucket: S3Bucket) -> None:
    bucket = fresh(seaweedfs_bucket)
    bucket.copied_at_once = bucket.copied_part = 5 << 20
    store = store_on(bucket, Cancel())
    body = bytes(range(256)) * (12 << 12)
    store.put("large", [body])
    assert store.copy("large", "copy")
    assert not store.copy("large", "copy")
    assert b"".join(store.get("copy")) == body

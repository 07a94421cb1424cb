"""Google Cloud Storage: fake-gcs-server."""

from __future__ import annotations

import copy
import gc
import uuid
from pathlib import Path

import pytest
from servers import Server

from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.base import Store
from weaselish.stores.cloud import CloudStore
from weaselish.stores.gs import GSBucket
from weaselish.stores.open import credentials_source

from .conftest import BUCKET, open_remote, signed_in
from .contract import LARGE, OpenWith, StoreContract, failing_after, keys

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def bucket(fake_gcs: Server) -> GSBucket:
    with signed_in(fake_gcs.environ):
        return GSBucket(Remote("test", f"gs://{BUCKET}"))


class TestFakeGCS(StoreContract):
    one_large_wins = False  # unlike Google's, it forgets the condition of a resumable upload

    @pytest.fixture
    def open_with(self, bucket: GSBucket) -> OpenWith:
        bucket = copy.copy(bucket)
        bucket.prefix = f"some prefix/{uuid.uuid4().hex}"
        bucket.close = lambda: None  # type: ignore[method-assign]
        return lambda cancel: CloudStore(bucket, remote="remote `test`", cancel=cancel, pauses=(0.05, 0.1))

    def test_an_upload_that_could_not_be_cancelled_is_not_ended_by_the_garbage_collector(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(_: object) -> None:
            raise ConnectionError

        monkeypatch.setattr("weaselish.stores.gs.CompleteWriter.terminate", unreachable)
        with pytest.raises(ZeroDivisionError):
            store.put("key", failing_after(LARGE))
        gc.collect()
        assert keys(store) == []


class TestRemotes:
    def test_a_remote_is_opened_by_its_url(self, fake_gcs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.url)
        store = open_remote(Remote("lab", f"gs://{BUCKET}/opened/here/"))
        assert store.put("a", [b"x"])
        assert keys(open_remote(Remote("lab", f"gs://{BUCKET}/opened"))) == ["here/a"]

    def test_an_endpoint_url_is_used_without_the_emulators_variable(self, fake_gcs: Server) -> None:
        remote = Remote("lab", f"gs://{BUCKET}/endpoint", endpoint_url=fake_gcs.url)
        store = open_remote(remote)
        assert store.put("a", [b"x"])
        assert keys(store) == ["a"]
        assert "GOOGLE_APPLICATION_CREDENTIALS" in (credentials_source(remote) or "")

    def test_a_bucket_that_does_not_exist_is_named(self, fake_gcs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.url)
        store = open_remote(Remote("lab", "gs://no-such-bucket/p"))
        for use in (lambda: list(store.list("")), lambda: store.put("a", [b"x"])):
            with pytest.raises(StoreError, match=r"remote `lab` \(gs://no-such-bucket/p at .*no such bucket"):
                use()

    def test_a_server_that_cannot_be_reached_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
        with pytest.raises(StoreError, match=r"remote `lab`.*cannot be reached") as caught:
            open_remote(Remote("lab", f"gs://{BUCKET}")).put("a", [b"x"])
        assert "\n" not in caught.value.message

    def test_a_key_file_that_is_missing_or_broken_is_named_without_what_it_holds(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name, text in (("missing", None), ("broken", "{secret"), ("empty", "{}")):
            if text is not None:
                (tmp_path / name).write_text(text)
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / name))
            with pytest.raises(StoreError, match=r"remote `lab`.*no usable credentials") as caught:
                open_remote(Remote("lab", f"gs://{BUCKET}"))
            assert "secret" not in str(caught.value)
            assert "GOOGLE_APPLICATION_CREDENTIALS" in (caught.value.hint or "")

    def test_options_of_other_clouds_are_refused(self) -> None:
        with pytest.raises(StoreError, match="`profile:` means nothing for `gs://b`"):
            open_remote(Remote("lab", "gs://b", profile="p"))

"""Azure Blob Storage: Azurite."""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import servers
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from servers import Server

from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.azure import AzureBucket
from weaselish.stores.cloud import CloudStore
from weaselish.stores.open import credentials_source

from .conftest import BUCKET, open_remote, signed_in
from .contract import OpenWith, StoreContract, keys

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def bucket(azurite: Server) -> AzureBucket:
    with signed_in(azurite.environ):
        return AzureBucket(Remote("test", f"az://{BUCKET}"))


class TestAzurite(StoreContract):
    many = 0  # its pages hold 5,000, and 5,000 puts take it too long

    @pytest.fixture
    def open_with(self, bucket: AzureBucket) -> OpenWith:
        bucket = copy.copy(bucket)
        bucket.prefix = f"some prefix/{uuid.uuid4().hex}"
        bucket.close = lambda: None  # type: ignore[method-assign]
        return lambda cancel: CloudStore(bucket, remote="remote `test`", cancel=cancel, pauses=(0.05, 0.1))


class TestRemotes:
    @pytest.fixture(autouse=True)
    def as_owner(self, azurite: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in azurite.environ.items():
            monkeypatch.setenv(name, value)

    def account_url(self, azurite: Server) -> str:
        return f"{azurite.url}/{servers.AZURE_ACCOUNT}"

    def token(self, **allowed: bool) -> str:
        return generate_container_sas(
            servers.AZURE_ACCOUNT,
            BUCKET,
            servers.AZURE_KEY,
            permission=ContainerSasPermissions(**allowed),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )

    def test_a_remote_is_opened_by_its_url(self) -> None:
        remote = Remote("lab", f"az://{BUCKET}/opened/here/")
        assert open_remote(remote).put("a", [b"x"])
        assert keys(open_remote(Remote("lab", f"az://{BUCKET}/opened"))) == ["here/a"]
        assert credentials_source(remote) == "AZURE_STORAGE_CONNECTION_STRING"

    def test_an_account_and_its_key_are_enough(self, azurite: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", servers.AZURE_ACCOUNT)
        monkeypatch.setenv("AZURE_STORAGE_KEY", servers.AZURE_KEY)
        remote = Remote("lab", f"az://{BUCKET}/by-key", endpoint_url=self.account_url(azurite))
        assert open_remote(remote).put("a", [b"x"])
        assert credentials_source(remote) == "AZURE_STORAGE_KEY"

    def test_a_token_may_do_what_it_allows_and_no_more(self, azurite: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        token = self.token(read=True, list=True)
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
        remote = Remote("lab", f"az://{BUCKET}/by-token", endpoint_url=self.account_url(azurite))
        store = open_remote(remote)
        assert keys(store) == []
        with pytest.raises(StoreError, match=r"remote `lab`.*access refused.*tried AZURE_STORAGE_SAS_TOKEN") as caught:
            store.put("a", [b"x"])
        self.assert_reported_well(caught.value, token)

    def test_an_unreachable_server_is_named_without_the_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        token = self.token(read=True)
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
        store = open_remote(Remote("lab", f"az://{BUCKET}", endpoint_url="http://127.0.0.1:9/a"))
        with pytest.raises(StoreError, match=r"remote `lab`.*cannot be reached") as caught:
            list(store.get("a"))
        self.assert_reported_well(caught.value, token)

    def test_a_wrong_key_is_named_without_it(self, monkeypatch: pytest.MonkeyPatch, azurite: Server) -> None:
        connection = azurite.environ["AZURE_STORAGE_CONNECTION_STRING"].replace(servers.AZURE_KEY, "d3Jvbmc=")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        with pytest.raises(StoreError, match=r"remote `lab`.*access refused") as caught:
            list(open_remote(Remote("lab", f"az://{BUCKET}")).list(""))
        self.assert_reported_well(caught.value, "d3Jvbmc=")

    def test_a_container_that_does_not_exist_is_named(self) -> None:
        store = open_remote(Remote("lab", "az://no-such-container/p"))
        for use in (
            lambda: list(store.list("")),
            lambda: list(store.get("a")),
            lambda: store.put("a", [b"x"]),
        ):
            with pytest.raises(StoreError, match=r"remote `lab`.*no such bucket") as caught:
                use()
            self.assert_reported_well(caught.value, servers.AZURE_KEY)

    @pytest.mark.parametrize(
        ("environ", "said"),
        [({}, "no usable credentials"), ({"AZURE_STORAGE_CONNECTION_STRING": "Account=sesame"}, "not set up right")],
    )
    def test_missing_and_broken_settings_are_named(
        self, environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(StoreError, match=f"remote `lab`.*{said}") as caught:
            open_remote(Remote("lab", f"az://{BUCKET}"))
        assert "AZURE_STORAGE_CONNECTION_STRING" in (caught.value.hint or "")
        self.assert_reported_well(caught.value, "sesame")

    def assert_reported_well(self, error: StoreError, secret: str) -> None:
        said = f"{error.message} {error.hint}"
        assert "\n" not in said and secret not in said
        assert "sig=" not in said

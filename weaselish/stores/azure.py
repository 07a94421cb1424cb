"""Azure Blob Storage, through azure-storage-blob."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from azure.core import MatchConditions, exceptions
from azure.storage.blob import BlobBlock, BlobServiceClient
from cloudpathlib import AzureBlobClient

from weaselish.stores.azure_failures import ERRORS, HINTS, explain
from weaselish.stores.base import Stored
from weaselish.stores.bucket import (
    ANONYMOUS,
    CONNECT_TIMEOUT,
    NO_CACHE,
    READ_TIMEOUT,
    WRITER,
    Condition,
    Head,
    Part,
    as_header,
)
from weaselish.stores.certificates import certificates_file
from weaselish.stores.failures import Failure, FailureKind
from weaselish.stores.parts import PART, THREADS

if TYPE_CHECKING:
    from weaselish.connections.credentials import Credentials
    from weaselish.model.project import Remote

FOLDER = "hdi_isfolder"  # the metadata of a directory, in accounts with a hierarchical namespace
_POLL = 0.5  # seconds between two questions about a copy


class AzureBucket:
    """A container. Each body is sent with its MD5, which the server checks."""

    errors: ClassVar[tuple[type[Exception], ...]] = ERRORS
    hints: ClassVar[Mapping[FailureKind, str]] = HINTS
    honours_conditions = True
    lanes = THREADS
    most_deletions = 1

    def __init__(self, remote: Remote, credentials: Credentials | None = None) -> None:
        self._source, service = connect(remote)
        path = AzureBlobClient(blob_service_client=service, **NO_CACHE).CloudPath(remote.url)
        self.prefix = path.blob.strip("/")
        self.endpoint = f"{service.scheme}://{service.primary_hostname}"
        self._service = service
        self._container = service.get_container_client(path.container)

    def credentials(self) -> str:
        return self._source

    @staticmethod
    def explain(error: Exception) -> Failure:
        return explain(error)

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        pages: Any = self._container.list_blobs(name_starts_with=prefix or None, include=["metadata"])
        pages = pages.by_page(continuation_token=token)
        stored = [_stored(blob) for blob in next(pages, ()) if not (blob.metadata or {}).get(FOLDER)]
        return stored, pages.continuation_token or None

    def head(self, key: str) -> Head:
        blob = self._container.get_blob_client(key).get_blob_properties()
        return Head(_stored(blob), str((blob.metadata or {}).get(WRITER, "")))

    def read(self, key: str, start: int, length: int, first: Part | None) -> Part:
        headers: dict[str, str] = {}  # the library reports the size of the range, not of the blob
        condition: dict[str, Any] = (
            {"etag": first.version, "match_condition": MatchConditions.IfNotModified} if first else {}
        )

        def keep_headers(answer: Any) -> None:
            headers.update((name.lower(), value) for name, value in answer.http_response.headers.items())

        try:
            stream = self._container.get_blob_client(key).download_blob(
                offset=start,
                length=length,
                max_concurrency=1,
                raw_response_hook=keep_headers,
                **condition,
            )
            body = stream.readall()
        except exceptions.HttpResponseError as error:
            if error.status_code != 416:
                raise
            stored = self.head(key).stored  # the object has no bytes in that range
            return Part((), stored.size, stored.version)
        if "content-range" not in headers:  # the library asked again, without a range, for an empty object
            return Part((), 0, headers.get("etag", ""))
        return Part((body,), int(headers["content-range"].rpartition("/")[2]), headers["etag"])

    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None:
        """Write a blob in one request.

        Blocks of an unfinished upload can count as an object here. They do not when a list of blocks is committed.
        """
        try:
            self._container.upload_blob(
                key,
                body,
                length=len(body),
                overwrite=not condition.absent,
                metadata={WRITER: writer},
                validate_content=True,
                max_concurrency=1,
                **(_match(condition) if condition.version is not None else {}),
            )
        except exceptions.ResourceExistsError:
            if self._container.get_blob_client(key).exists():
                raise
            upload = self.begin(key, writer, condition)
            upload.send(0, body)
            upload.finish()

    def begin(self, key: str, writer: str, condition: Condition) -> AzureUpload:
        return AzureUpload(self._container.get_blob_client(key), writer, condition)

    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None:
        """Copy in the account. The server may go on after its answer, for large objects."""
        blob = self._container.get_blob_client(target)
        origin = self._container.get_blob_client(source).url  # with the SAS token, if that is the credential
        status: Any = blob.start_copy_from_url(origin, metadata={WRITER: writer}, **_match(condition))["copy_status"]
        while status == "pending":
            time.sleep(_POLL)
            status = blob.get_blob_properties().copy.status
        if status != "success":
            raise exceptions.ServiceResponseError(f"the copy ended as {status}")

    def delete(self, key: str) -> None:
        self._container.delete_blob(key, delete_snapshots="include")

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def create(self) -> None:
        self._container.create_container()

    def close(self) -> None:
        self._service.close()


class AzureUpload:
    """Staged blocks, which do not form a blob until they are committed. The server forgets them after a week."""

    def __init__(self, blob: Any, writer: str, condition: Condition) -> None:
        self._blob = blob
        self._writer = writer
        self._condition = condition
        self._blocks: dict[int, str] = {}

    def send(self, number: int, body: bytes) -> None:
        """Stage a block. All names have the same length, as Azure requires, and differ between writers."""
        block = base64.b64encode(f"{self._writer}{number:05}".encode()).decode()
        self._blob.stage_block(block, body, length=len(body), validate_content=True)
        self._blocks[number] = block

    def finish(self) -> None:
        blocks = [BlobBlock(block) for _, block in sorted(self._blocks.items())]
        self._blob.commit_block_list(blocks, metadata={WRITER: self._writer}, **_match(self._condition))

    def abort(self) -> None:
        pass


def _stored(blob: Any) -> Stored:
    return Stored(blob.name, blob.size, blob.last_modified.timestamp(), as_header(blob.etag))


def _match(condition: Condition) -> dict[str, Any]:
    if condition.absent:
        return {"match_condition": MatchConditions.IfMissing}
    if condition.version is None:
        return {}
    return {"etag": condition.version or '"none"', "match_condition": MatchConditions.IfNotModified}


def connect(remote: Remote) -> tuple[str, BlobServiceClient]:
    """Return where credentials came from, and a client with them."""
    certificates = certificates_file("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    options: dict[str, Any] = {
        "retry_total": 0,
        "connection_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "max_single_get_size": PART,
        "max_single_put_size": PART,
        **({"connection_verify": certificates} if certificates else {}),
    }
    environ = os.environ
    account = environ.get("AZURE_STORAGE_ACCOUNT", "")
    url = remote.endpoint_url or (f"https://{account}.blob.core.windows.net" if account else "")
    if remote.anonymous and url:
        return ANONYMOUS, BlobServiceClient(url, credential=None, **options)
    if connection := environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        service = BlobServiceClient.from_connection_string(connection, **options)
        if remote.anonymous:
            return ANONYMOUS, BlobServiceClient(service.url, credential=None, **options)
        return "AZURE_STORAGE_CONNECTION_STRING", service
    if not url:
        raise exceptions.ClientAuthenticationError("no storage account is named")
    for name in ("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        if secret := environ.get(name):
            credential: Any = {"account_name": account, "account_key": secret} if name.endswith("KEY") else secret
            return name, BlobServiceClient(url, credential=credential, **options)
    try:
        identity: Any = import_module("azure.identity")
    except ModuleNotFoundError:
        raise exceptions.ClientAuthenticationError("the environment names none") from None
    credential = identity.DefaultAzureCredential()
    return "the default Azure credential", BlobServiceClient(url, credential=credential, **options)

"""Azure Blob Storage, through azure-storage-blob."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from azure.core import MatchConditions
from azure.core import exceptions as failures
from azure.storage.blob import BlobBlock, BlobServiceClient
from cloudpathlib import AzureBlobClient

from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECT_TIMEOUT, NO_CACHE, READ_TIMEOUT, Part, Trouble
from weaselish.stores.parts import PART, THREADS

if TYPE_CHECKING:
    from weaselish.model.project import Remote

MARK = "writer"  # metadata
FOLDER = "hdi_isfolder"  # metadata of what is a directory, in accounts with a hierarchical namespace

_CODES = {
    "BlobNotFound": Trouble.NO_OBJECT,
    "ContainerNotFound": Trouble.NO_BUCKET,
    "ContainerBeingDeleted": Trouble.NO_BUCKET,
    "BlobAlreadyExists": Trouble.CONDITION,
    "ConditionNotMet": Trouble.CONDITION,
    "InvalidBlockList": Trouble.CONFLICT,  # who commits first drops the other's blocks
    "InvalidBlobOrBlock": Trouble.CONFLICT,
    "Md5Mismatch": Trouble.PASSING,
    "NoAuthenticationInformation": Trouble.NO_CREDENTIALS,
}
_STATUSES = {
    401: Trouble.REFUSED,
    403: Trouble.REFUSED,
    404: Trouble.NO_OBJECT,
    408: Trouble.PASSING,
    409: Trouble.CONFLICT,
    412: Trouble.CONDITION,
    429: Trouble.PASSING,
}


class AzureBucket:
    """A container. Each body goes with its MD5, which the server checks."""

    errors: ClassVar[tuple[type[Exception], ...]] = (failures.AzureError, OSError, ValueError)
    hints: ClassVar[Mapping[Trouble, str]] = {
        Trouble.NO_CREDENTIALS: "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY or"
        " AZURE_STORAGE_SAS_TOKEN, or `pip install azure-identity` and `az login`",
        Trouble.EXPIRED: "make a new token, or sign in again (`az login`)",
        Trouble.REFUSED: "check that the key or token is right, still valid, and may do this in the container",
        Trouble.NO_BUCKET: "check the name in `url:`, or create the container first",
        Trouble.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in REQUESTS_CA_BUNDLE",
        Trouble.MISCONFIGURED: "check `url:` and `endpoint_url:` of the remote, and AZURE_STORAGE_CONNECTION_STRING",
        Trouble.UNREACHABLE: "check the account's name, the network and the proxy settings",
    }
    certain = True
    lanes = THREADS

    def __init__(self, remote: Remote) -> None:
        self._source, service = _service(remote.endpoint_url)
        path = AzureBlobClient(blob_service_client=service, **NO_CACHE).CloudPath(remote.url)
        self.prefix = path.blob.strip("/")
        self.endpoint = f"{service.scheme}://{service.primary_hostname}"
        self._container = service.get_container_client(path.container)

    def credentials(self) -> str:
        return self._source

    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]:
        name = type(error).__name__
        if isinstance(error, failures.HttpResponseError) and error.status_code:
            return _explain_answer(error)
        if isinstance(error, failures.ClientAuthenticationError):
            return Trouble.NO_CREDENTIALS, name
        if isinstance(error, failures.ServiceRequestTimeoutError | failures.ServiceRequestError):
            return (Trouble.UNTRUSTED if "certificate" in str(error).lower() else Trouble.UNREACHABLE), name
        if isinstance(error, ValueError) and not isinstance(error, failures.AzureError):
            return Trouble.MISCONFIGURED, name
        return Trouble.PASSING, name

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        pages: Any = self._container.list_blobs(name_starts_with=prefix or None, include=["metadata"])
        pages = pages.by_page(continuation_token=token)
        stored = [
            Stored(blob.name, blob.size, blob.last_modified.timestamp())
            for blob in next(pages, ())
            if not (blob.metadata or {}).get(FOLDER)
        ]
        return stored, pages.continuation_token or None

    def read(self, key: str, start: int, length: int, version: str | None) -> Part:
        headers: dict[str, str] = {}  # the library tells the size of the range, not of the blob
        condition: dict[str, Any] = (
            {"etag": version, "match_condition": MatchConditions.IfNotModified} if version else {}
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
        except failures.HttpResponseError as error:
            if start or error.status_code != 416:
                raise
            return Part((), 0, "")  # an empty object has no first byte
        size = int(headers["content-range"].rpartition("/")[2])
        return Part((body,), size, headers["etag"])

    def mark(self, key: str) -> str | None:
        properties = self._container.get_blob_client(key).get_blob_properties()
        return str((properties.metadata or {}).get(MARK, ""))

    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None:
        """Blocks left behind by an unfinished upload may pass for an object here, but not when blocks are committed."""
        try:
            self._container.upload_blob(
                key,
                body,
                length=len(body),
                overwrite=replace,
                metadata={MARK: mark},
                validate_content=True,
                max_concurrency=1,
            )
        except failures.ResourceExistsError:
            if self._container.get_blob_client(key).exists():
                raise
            upload = self.begin(key, mark, replace=replace)
            upload.send(0, body)
            upload.finish()

    def begin(self, key: str, mark: str, *, replace: bool) -> AzureUpload:
        return AzureUpload(self._container.get_blob_client(key), mark, replace=replace)

    def delete(self, key: str) -> None:
        self._container.delete_blob(key, delete_snapshots="include")


class AzureUpload:
    """Staged blocks, which are no blob until they are committed; the server forgets them after a week."""

    def __init__(self, blob: Any, mark: str, *, replace: bool) -> None:
        self._blob = blob
        self._mark = mark
        self._condition = {} if replace else {"match_condition": MatchConditions.IfMissing}
        self._blocks: dict[int, str] = {}

    def send(self, number: int, body: bytes) -> None:
        """Block names are of one length, as they must be, and no two writers' are the same."""
        block = base64.b64encode(f"{self._mark}{number:05}".encode()).decode()
        self._blob.stage_block(block, body, length=len(body), validate_content=True)
        self._blocks[number] = block

    def finish(self) -> None:
        blocks = [BlobBlock(block) for _, block in sorted(self._blocks.items())]
        self._blob.commit_block_list(blocks, metadata={MARK: self._mark}, **self._condition)

    def abort(self) -> None:
        pass


def _service(endpoint: str | None) -> tuple[str, BlobServiceClient]:
    """Where credentials were found, and a client with them."""
    options: dict[str, Any] = {
        "retry_total": 0,
        "connection_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "max_single_get_size": PART,
        "max_single_put_size": PART,
    }
    credential: Any
    environ = os.environ
    if connection := environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        service = BlobServiceClient.from_connection_string(connection, **options)
        return "AZURE_STORAGE_CONNECTION_STRING", service
    account = environ.get("AZURE_STORAGE_ACCOUNT", "")
    url = endpoint or (f"https://{account}.blob.core.windows.net" if account else "")
    if not url:
        raise failures.ClientAuthenticationError("no account")
    for name in ("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        if secret := environ.get(name):
            credential = {"account_name": account, "account_key": secret} if name.endswith("KEY") else secret
            return name, BlobServiceClient(url, credential=credential, **options)
    try:
        identity: Any = import_module("azure.identity")
    except ModuleNotFoundError:
        raise failures.ClientAuthenticationError("no credentials") from None
    credential = identity.DefaultAzureCredential()
    return "the default Azure credential", BlobServiceClient(url, credential=credential, **options)


def _explain_answer(error: failures.HttpResponseError) -> tuple[Trouble, str]:
    code, status = str(getattr(error, "error_code", "") or ""), error.status_code or 0
    passing = Trouble.PASSING if status >= 500 and status != 501 else Trouble.OTHER
    return _CODES.get(code) or _STATUSES.get(status, passing), code or str(status)

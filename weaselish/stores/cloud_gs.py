"""Google Cloud Storage, through google-cloud-storage."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import google.auth
import requests
import urllib3
from cloudpathlib import GSClient
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.auth import exceptions as auth_failures
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud.storage import Client  # type: ignore[import-untyped]
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse  # type: ignore[import-untyped]
from google.cloud.storage.fileio import BlobWriter  # type: ignore[import-untyped]
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECT_TIMEOUT, NO_CACHE, READ_TIMEOUT, Part, Trouble
from weaselish.stores.parts import PART

if TYPE_CHECKING:
    from weaselish.model.project import Remote

MARK = "writer"  # custom metadata
TIMEOUT = (CONNECT_TIMEOUT, READ_TIMEOUT)
RESUMING = 30  # seconds for which the library goes on with an upload that was cut: only it knows how far it came

_SOURCES = {
    "google.oauth2.credentials": "`gcloud auth application-default login`",
    "google.auth.compute_engine.credentials": "the machine's account",
}
_STATUSES = {
    404: Trouble.NO_OBJECT,
    401: Trouble.REFUSED,
    403: Trouble.REFUSED,
    408: Trouble.PASSING,
    410: Trouble.CONFLICT,  # an upload that the server has forgotten
    412: Trouble.CONDITION,
    429: Trouble.PASSING,
}


class UploadLost(Exception):
    """A resumable upload that broke and cannot go on; its cause is named by the argument."""


class Writer(BlobWriter):  # type: ignore[misc]
    """Ends the upload only when it is whole. Its base does so too when it is thrown away, and makes half an object."""

    is_whole = False

    def close(self) -> None:
        if self.is_whole:
            super().close()


class GSBucket:
    """Uploads of several parts are resumable ones, in one lane: the parallel kind cannot be made create-only."""

    errors: ClassVar[tuple[type[Exception], ...]] = (
        GoogleAPIError,
        InvalidResponse,
        UploadLost,
        DataCorruption,
        auth_failures.GoogleAuthError,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        ValueError,  # a bucket's name or an endpoint that cannot be one
    )
    hints: ClassVar[Mapping[Trouble, str]] = {
        Trouble.NO_CREDENTIALS: "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        " to a key file",
        Trouble.EXPIRED: "run `gcloud auth application-default login` again",
        Trouble.REFUSED: "check that this account may do this in the bucket",
        Trouble.NO_BUCKET: "check the name in `url:`, or create the bucket first",
        Trouble.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in REQUESTS_CA_BUNDLE",
        Trouble.MISCONFIGURED: "check `url:` and `endpoint_url:` of the remote",
        Trouble.UNREACHABLE: "check the network, the proxy settings, `endpoint_url:` and STORAGE_EMULATOR_HOST",
    }
    lanes = 1

    def __init__(self, remote: Remote) -> None:
        emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
        self.endpoint = remote.endpoint_url or emulator
        self.certain = not self.endpoint
        self._source, client = _client(self.endpoint, is_emulated=bool(emulator))
        path = GSClient(storage_client=client, **NO_CACHE).CloudPath(remote.url)
        self._client, self.prefix = client, path.blob.strip("/")
        self._bucket: Any = client.bucket(path.bucket)

    def credentials(self) -> str:
        return self._source

    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]:
        if isinstance(error, (GoogleAPICallError, InvalidResponse)):
            return _explain_answer(error)
        if isinstance(error, UploadLost):
            return Trouble.OTHER, f"the upload was lost: {error}"
        name = type(error).__name__
        if isinstance(error, auth_failures.TransportError):
            return Trouble.UNREACHABLE, name
        if isinstance(error, auth_failures.DefaultCredentialsError):
            return Trouble.NO_CREDENTIALS, name
        if isinstance(error, auth_failures.GoogleAuthError):
            return Trouble.EXPIRED, name
        if isinstance(error, requests.exceptions.SSLError):
            return Trouble.UNTRUSTED, name
        if isinstance(error, requests.exceptions.ConnectTimeout) or _was_never_open(error):
            return Trouble.UNREACHABLE, name
        if isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, requests.JSONDecodeError):
            return Trouble.MISCONFIGURED, name
        return Trouble.PASSING, name

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        found = self._client.list_blobs(
            self._bucket,
            prefix=prefix or None,
            page_token=token,
            fields="items(name,size,updated),nextPageToken",
            timeout=TIMEOUT,
            retry=None,
        )
        page = next(found.pages, ())
        stored = [Stored(blob.name, blob.size, blob.updated.timestamp()) for blob in page]
        return stored, found.next_page_token

    def read(self, key: str, start: int, length: int, version: str | None) -> Part:
        """The first part costs two requests: a download does not tell how large the object is."""
        if version is None:
            known = self._bucket.blob(key)
            known.reload(timeout=TIMEOUT, retry=None)
            version = f"{known.generation}/{known.size}"
        generation, size = version.split("/")[0], int(version.split("/")[1])
        if size == 0:
            return Part((), 0, version)
        blob = self._bucket.blob(key)  # `known` has a link to its bytes, which need not lead to this endpoint
        body = blob.download_as_bytes(
            start=start,
            end=min(start + length, size) - 1,
            raw_download=True,
            if_generation_match=int(generation),
            checksum=None,
            timeout=TIMEOUT,
            retry=None,
        )
        return Part((body,), size, f"{blob.generation or generation}/{size}")

    def mark(self, key: str) -> str | None:
        blob = self._bucket.blob(key)
        blob.reload(timeout=TIMEOUT, retry=None)
        return str((blob.metadata or {}).get(MARK, ""))

    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None:
        blob = self._bucket.blob(key)
        blob.metadata = {MARK: mark}
        blob.upload_from_string(
            body,
            content_type="application/octet-stream",
            if_generation_match=None if replace else 0,
            timeout=TIMEOUT,
            retry=None,
        )

    def begin(self, key: str, mark: str, *, replace: bool) -> GSUpload:
        blob = self._bucket.blob(key)
        blob.metadata = {MARK: mark}
        writer = Writer(
            blob,
            chunk_size=PART,
            content_type="application/octet-stream",
            if_generation_match=None if replace else 0,
            timeout=TIMEOUT,
            retry=DEFAULT_RETRY.with_timeout(RESUMING),
        )
        return GSUpload(writer)

    def delete(self, key: str) -> None:
        self._bucket.blob(key).delete(timeout=TIMEOUT, retry=None)


class GSUpload:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def send(self, number: int, body: bytes) -> None:
        self._once(lambda: self._writer.write(body))

    def finish(self) -> None:
        self._writer.is_whole = True
        self._once(self._writer.close)

    def _once(self, call: Callable[[], None]) -> None:
        """The library has tried again by itself, and cannot go on when it gave up."""
        try:
            call()
        except GSBucket.errors as error:
            self._writer.is_whole = False
            trouble, detail = GSBucket.explain(error)
            if trouble in (Trouble.CONDITION, Trouble.REFUSED, Trouble.NO_BUCKET, Trouble.NO_CREDENTIALS):
                raise
            raise UploadLost(detail) from None

    def abort(self) -> None:
        self._writer.terminate()


def _client(endpoint: str, *, is_emulated: bool) -> tuple[str, Client]:
    """Where credentials were found, and a client with them; anonymous (for public buckets) if there are none."""
    options = {"api_endpoint": endpoint} if endpoint else None
    if is_emulated:
        return "none: STORAGE_EMULATOR_HOST is set", _anonymous(options)
    try:
        credentials, project = google.auth.default()
    except auth_failures.DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise
        return "GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, and the machine's account", _anonymous(options)
    client = Client(credentials=credentials, project=project or "none", client_options=options)
    return _source(credentials), client


def _anonymous(options: Mapping[str, str] | None) -> Client:
    return Client(project="none", credentials=AnonymousCredentials(), client_options=options)  # type: ignore[no-untyped-call]


def _source(credentials: Credentials) -> str:
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return "the file named by GOOGLE_APPLICATION_CREDENTIALS"
    return _SOURCES.get(type(credentials).__module__, "Google Cloud's default credentials")


def _was_never_open(error: BaseException) -> bool:
    """Whether no connection was made: nobody listens, or the name is unknown."""
    reason: Any = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", None), urllib3.exceptions.NewConnectionError)


def _explain_answer(error: Any) -> tuple[Trouble, str]:
    status = int(error.response.status_code if isinstance(error, InvalidResponse) else error.code or 0)
    text = str(error).lower()
    if status == 404 and "bucket" in text and "not exist" in text:
        return Trouble.NO_BUCKET, ""
    if status == 401 and "anonymous" in text:
        return Trouble.NO_CREDENTIALS, ""
    passing = Trouble.PASSING if status >= 500 and status != 501 else Trouble.OTHER
    return _STATUSES.get(status, passing), f"{status} {getattr(error, 'reason', None) or ''}".strip()

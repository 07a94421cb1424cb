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
from weaselish.stores.bucket import ANONYMOUS, CONNECT_TIMEOUT, NO_CACHE, READ_TIMEOUT, WRITER, Condition, Head, Part
from weaselish.stores.certificates import MissingCertificates, certificates_file
from weaselish.stores.failures import Failure, FailureKind, detail_of, status_kind
from weaselish.stores.parts import PART

if TYPE_CHECKING:
    from weaselish.model.project import Remote

TIMEOUT = (CONNECT_TIMEOUT, READ_TIMEOUT)
RESUMING = 30  # seconds in which the library resumes an interrupted upload: only it knows how many bytes arrived

_SOURCES = {
    "google.oauth2.credentials": "`gcloud auth application-default login`",
    "google.auth.compute_engine.credentials": "the machine's account",
}
_STATUSES = {
    404: FailureKind.NO_OBJECT,
    401: FailureKind.REFUSED,
    403: FailureKind.REFUSED,
    408: FailureKind.PASSING,
    410: FailureKind.CONFLICT,  # an upload that the server has forgotten
    412: FailureKind.CONDITION,
    429: FailureKind.PASSING,
}


class UploadLost(Exception):
    """A resumable upload that broke and cannot continue; the argument names the cause."""


class CompleteWriter(BlobWriter):  # type: ignore[misc]
    """A writer that finishes the upload only if it is complete.

    The base class also finishes it when the garbage collector removes the writer, which would store half an object.
    """

    is_complete = False

    def close(self) -> None:
        if self.is_complete:
            super().close()


class GSBucket:
    """A bucket of Google Cloud Storage.

    Large objects use resumable uploads, one part at a time: the parallel kind cannot be create-only.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = (
        GoogleAPIError,
        InvalidResponse,
        UploadLost,
        DataCorruption,
        MissingCertificates,
        auth_failures.GoogleAuthError,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        ValueError,  # an invalid bucket name or endpoint
    )
    hints: ClassVar[Mapping[FailureKind, str]] = {
        FailureKind.NO_CREDENTIALS: "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        " to a key file; for a public bucket set `anonymous: true`",
        FailureKind.EXPIRED: "run `gcloud auth application-default login` again",
        FailureKind.REFUSED: "check that this account may do this in the bucket",
        FailureKind.NO_BUCKET: "check the name in `url:`, or create the bucket first",
        FailureKind.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in REQUESTS_CA_BUNDLE",
        FailureKind.MISCONFIGURED: "check `url:` and `endpoint_url:` of the remote",
        FailureKind.UNREACHABLE: "check the network, the proxy settings, `endpoint_url:` and STORAGE_EMULATOR_HOST",
    }
    lanes = 1

    def __init__(self, remote: Remote) -> None:
        emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
        self.endpoint = remote.endpoint_url or emulator
        self.honours_conditions = not self.endpoint
        certificates = certificates_file("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
        if remote.anonymous:
            self._source, client = ANONYMOUS, _anonymous(self.endpoint)
        else:
            self._source, client = _client(self.endpoint, is_emulated=bool(emulator))
        if certificates:
            client._http.verify = certificates
        path = GSClient(storage_client=client, **NO_CACHE).CloudPath(remote.url)
        self._client, self.prefix = client, path.blob.strip("/")
        self._bucket: Any = client.bucket(path.bucket, user_project=client.project if remote.requester_pays else None)

    def credentials(self) -> str:
        return self._source

    @staticmethod
    def explain(error: Exception) -> Failure:
        return _explain(error)

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        pages = self._client.list_blobs(
            self._bucket,
            prefix=prefix or None,
            page_token=token,
            fields="items(name,size,updated,generation),nextPageToken",
            timeout=TIMEOUT,
            retry=None,
        )
        stored = [_stored(blob) for blob in next(pages.pages, ())]
        return stored, pages.next_page_token

    def head(self, key: str) -> Head:
        blob = self._loaded(key)
        return Head(_stored(blob), str((blob.metadata or {}).get(WRITER, "")))

    def read(self, key: str, start: int, length: int, first: Part | None) -> Part:
        """Read with two requests if it is the first part: the answer to a download lacks the object's size."""
        if first is None:
            stored = _stored(self._loaded(key))
            first = Part((), stored.size, stored.version)
        if start >= first.size:
            return first
        blob = self._bucket.blob(key)  # the loaded one holds a link to its bytes, which can lead past this endpoint
        body = blob.download_as_bytes(
            start=start,
            end=min(start + length, first.size) - 1,
            raw_download=True,
            if_generation_match=int(first.version),
            checksum=None,
            timeout=TIMEOUT,
            retry=None,
        )
        return Part((body,), first.size, str(blob.generation or first.version))

    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None:
        blob = self._bucket.blob(key)
        blob.metadata = {WRITER: writer}
        blob.upload_from_string(
            body,
            content_type="application/octet-stream",
            if_generation_match=_generation(condition),
            timeout=TIMEOUT,
            retry=None,
        )

    def begin(self, key: str, writer: str, condition: Condition) -> GSUpload:
        blob = self._bucket.blob(key)
        blob.metadata = {WRITER: writer}
        return GSUpload(
            CompleteWriter(
                blob,
                chunk_size=PART,
                content_type="application/octet-stream",
                if_generation_match=_generation(condition),
                timeout=TIMEOUT,
                retry=DEFAULT_RETRY.with_timeout(RESUMING),
            )
        )

    def delete(self, key: str) -> None:
        self._bucket.blob(key).delete(timeout=TIMEOUT, retry=None)

    def close(self) -> None:
        self._client.close()

    def _loaded(self, key: str) -> Any:
        blob = self._bucket.blob(key)
        blob.reload(timeout=TIMEOUT, retry=None)
        return blob


class GSUpload:
    """A resumable upload."""

    def __init__(self, writer: CompleteWriter) -> None:
        self._writer = writer

    def send(self, number: int, body: bytes) -> None:
        self._call(lambda: self._writer.write(body))

    def finish(self) -> None:
        self._writer.is_complete = True
        self._call(self._writer.close)

    def _call(self, call: Callable[[], None]) -> None:
        """Call the library, which repeats requests by itself, and cannot continue once it gave up."""
        try:
            call()
        except GSBucket.errors as error:
            self._writer.is_complete = False
            failure = _explain(error)
            if failure.kind in (
                FailureKind.CONDITION,
                FailureKind.REFUSED,
                FailureKind.NO_BUCKET,
                FailureKind.NO_CREDENTIALS,
            ):
                raise
            raise UploadLost(failure.detail) from None

    def abort(self) -> None:
        self._writer.terminate()


def _stored(blob: Any) -> Stored:
    return Stored(blob.name, blob.size, blob.updated.timestamp(), str(blob.generation))


def _generation(condition: Condition) -> int | None:
    """Return the generation that an object must have to be replaced, 0 if it must not exist."""
    if condition.absent:
        return 0
    if condition.version is None:
        return None
    return int(condition.version) if condition.version.isdecimal() else -1


def _client(endpoint: str, *, is_emulated: bool) -> tuple[str, Client]:
    """Return where credentials came from, and a client: an anonymous one, for public buckets, if there are none."""
    if is_emulated:
        return "none: STORAGE_EMULATOR_HOST is set", _anonymous(endpoint)
    try:
        credentials, project = google.auth.default()
    except auth_failures.DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise
        return "GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, and the machine's account", _anonymous(endpoint)
    client = Client(credentials=credentials, project=project or "none", client_options=_options(endpoint))
    return _source(credentials), client


def _anonymous(endpoint: str) -> Client:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return Client(project="none", credentials=credentials, client_options=_options(endpoint))


def _options(endpoint: str) -> Mapping[str, str] | None:
    return {"api_endpoint": endpoint} if endpoint else None


def _source(credentials: Credentials) -> str:
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return "the file named by GOOGLE_APPLICATION_CREDENTIALS"
    return _SOURCES.get(type(credentials).__module__, "Google Cloud's default credentials")


def _explain(error: Exception) -> Failure:
    if isinstance(error, MissingCertificates):
        return error.failure()
    if isinstance(error, (GoogleAPICallError, InvalidResponse)):
        return _explain_answer(error)
    if isinstance(error, UploadLost):
        return Failure(FailureKind.OTHER, f"the upload was lost: {error}")
    return Failure(_kind(error), detail_of(error))


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, auth_failures.TransportError):
        return FailureKind.UNREACHABLE
    if isinstance(error, auth_failures.DefaultCredentialsError):
        return FailureKind.NO_CREDENTIALS
    if isinstance(error, auth_failures.GoogleAuthError):
        return FailureKind.EXPIRED
    if isinstance(error, requests.exceptions.SSLError):
        return FailureKind.UNTRUSTED
    if isinstance(error, requests.exceptions.ConnectTimeout) or _was_never_open(error):
        return FailureKind.UNREACHABLE
    if isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, requests.JSONDecodeError):
        return FailureKind.MISCONFIGURED
    return FailureKind.PASSING


def _was_never_open(error: BaseException) -> bool:
    """Return whether no connection was opened: no server listens, or the name is unknown."""
    reason: Any = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", None), urllib3.exceptions.NewConnectionError)


def _explain_answer(error: Any) -> Failure:
    status = int(error.response.status_code if isinstance(error, InvalidResponse) else error.code or 0)
    text = str(error).lower()
    if status == 404 and "bucket" in text and "not exist" in text:
        return Failure(FailureKind.NO_BUCKET)
    if status == 401 and "anonymous" in text:
        return Failure(FailureKind.NO_CREDENTIALS)
    detail = detail_of(getattr(error, "message", ""), code=f"{status} {getattr(error, 'reason', None) or ''}".strip())
    return Failure(status_kind(status, _STATUSES), detail)

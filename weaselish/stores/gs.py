"""Google Cloud Storage, through google-cloud-storage."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import google.auth
from cloudpathlib import GSClient
from google.auth import exceptions as auth_failures
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud.storage import Client
from google.cloud.storage.fileio import BlobWriter
from google.cloud.storage.retry import DEFAULT_RETRY

from weaselish.stores.base import Stored
from weaselish.stores.bucket import ANONYMOUS, CONNECT_TIMEOUT, NO_CACHE, READ_TIMEOUT, WRITER, Condition, Head, Part
from weaselish.stores.certificates import certificates_file
from weaselish.stores.failures import Failure, FailureKind
from weaselish.stores.gs_failures import ERRORS, HINTS, UploadLost, explain
from weaselish.stores.parts import PART

if TYPE_CHECKING:
    from weaselish.connections import credentials as connections
    from weaselish.model.project import Remote

TIMEOUT = (CONNECT_TIMEOUT, READ_TIMEOUT)
RESUMING = 30  # seconds in which the library resumes an interrupted upload: only it knows how many bytes arrived

_SOURCES = {
    "google.oauth2.credentials": "`gcloud auth application-default login`",
    "google.auth.compute_engine.credentials": "the machine's account",
}


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

    errors: ClassVar[tuple[type[Exception], ...]] = ERRORS
    hints: ClassVar[Mapping[FailureKind, str]] = HINTS
    lanes = 1
    most_deletions = 1

    def __init__(self, remote: Remote, credentials: connections.Credentials | None = None) -> None:
        self.endpoint = _endpoint(remote)
        self.honours_conditions = not self.endpoint
        self._source, client = connect(remote)
        path = GSClient(storage_client=client, **NO_CACHE).CloudPath(remote.url)
        self._client, self.prefix = client, path.blob.strip("/")
        self._bucket: Any = client.bucket(path.bucket, user_project=client.project if remote.requester_pays else None)

    def credentials(self) -> str:
        return self._source

    @staticmethod
    def explain(error: Exception) -> Failure:
        return explain(error)

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

    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None:
        blob, token = self._bucket.blob(target), None
        blob.metadata = {WRITER: writer}
        while True:  # a large object takes several requests
            token, _, _ = blob.rewrite(
                self._bucket.blob(source),
                token=token,
                if_generation_match=_generation(condition),
                timeout=TIMEOUT,
                retry=None,
            )
            if token is None:
                return

    def delete(self, key: str) -> None:
        self._bucket.blob(key).delete(timeout=TIMEOUT, retry=None)

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def create(self) -> None:
        self._client.create_bucket(self._bucket, timeout=TIMEOUT, retry=None)

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
        except ERRORS as error:
            self._writer.is_complete = False
            failure = explain(error)
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


def connect(remote: Remote) -> tuple[str, Client]:
    """Return where credentials came from, and a client with them."""
    certificates = certificates_file("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    source, client = _client(remote, _endpoint(remote))
    if certificates:
        client._http.verify = certificates
    return source, client


def _endpoint(remote: Remote) -> str:
    return remote.endpoint_url or os.environ.get("STORAGE_EMULATOR_HOST", "")


def _client(remote: Remote, endpoint: str) -> tuple[str, Client]:
    """Return an anonymous client, as for public buckets, if no credentials exist."""
    if remote.anonymous:
        return ANONYMOUS, _anonymous(endpoint)
    if os.environ.get("STORAGE_EMULATOR_HOST"):
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
    credentials = AnonymousCredentials()
    return Client(project="none", credentials=credentials, client_options=_options(endpoint))


def _options(endpoint: str) -> Mapping[str, str] | None:
    return {"api_endpoint": endpoint} if endpoint else None


def _source(credentials: Credentials) -> str:
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return "the file named by GOOGLE_APPLICATION_CREDENTIALS"
    return _SOURCES.get(type(credentials).__module__, "Google Cloud's default credentials")

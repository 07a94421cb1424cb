"""Artifactory, through its REST API and httpx.

Artifactory has no conditions and no uploads in parts. It knows contents by their checksums: a body is sent with SHA-1
and SHA-256, which the server checks, and a large one only if the server does not have that content already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import httpx

from weaselish.connections.credentials import Credentials
from weaselish.errors import CannotCopy
from weaselish.model.urls import artifactory_parts
from weaselish.stores.artifactory_client import ArtifactoryClient
from weaselish.stores.artifactory_failures import ERRORS, HINTS, Answer, explain
from weaselish.stores.artifactory_info import (
    Checksums,
    children,
    is_file,
    next_page,
    parse_page,
    read_json,
    stored_file,
    version_of,
)
from weaselish.stores.artifactory_login import Login
from weaselish.stores.artifactory_upload import ArtifactoryUpload
from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECTIONS, Condition, Head, Part
from weaselish.stores.failures import Failure, FailureKind
from weaselish.stores.threads import Threads

if TYPE_CHECKING:
    from weaselish.model.project import Remote

PIECE = 2**20  # bytes
PAGE = 500  # files of one page of the walk through folders
STORING = 600  # seconds that the server may take to store a large body after it has received it
_NO_LIST = (400, 401, 403, 405, 501)  # what `?list` answers where only Pro and named users have it


class ArtifactoryBucket:
    """A repository. Creating it raises what is wrong with the certificates or the login; it sends no request.

    A server without the permission to overwrite refuses a second write of a key. Otherwise the last of several
    simultaneous writers wins, as on S3 servers without conditions.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = ERRORS
    hints: ClassVar[Mapping[FailureKind, str]] = HINTS
    endpoint = ""  # the remote's URL names the server
    honours_conditions = False
    most_deletions = 1
    lanes = 1

    def __init__(self, remote: Remote, credentials: Credentials | None = None) -> None:
        server, self._repository, self.prefix = artifactory_parts(remote.url)
        self._login = Login(Credentials() if remote.anonymous else credentials or Credentials())
        self._client = ArtifactoryClient(server, self._login)
        self._threads = Threads(CONNECTIONS)
        self._unanswered: dict[str, str] = {}  # SHA-1 of a body whose PUT got no answer -> its writer

    def credentials(self) -> str:
        return str(self._login)

    @staticmethod
    def explain(error: Exception) -> Failure:
        return explain(error)

    # -- listing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def deep_list(self, prefix: str) -> Iterator[Iterable[bytes] | None]:
        """Yield the JSON of all files below `prefix`, in pieces. Yield None if this edition or user cannot have it."""
        try:
            with self._client.open("GET", self._storage(prefix), params="list&deep=1") as response:
                yield response.iter_raw(PIECE)
        except Answer as answer:
            if answer.status == 404:
                self._check_repository(prefix)
                yield ()
            elif answer.status in _NO_LIST:
                yield None
            else:
                raise

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        """Return some files of one folder, with a request for each. The token holds the folders that are left."""
        folders, after = parse_page(token) if token else ([prefix], "")
        folder = folders.pop()
        names, below = self._children(folder, is_first=token is None)
        files = sorted(name for name in names if name > after)
        futures = [self._threads.submit(lambda key=folder + name: self._stored(key)) for name in files[:PAGE]]  # type: ignore[misc]
        page = [stored for future in futures if (stored := future.result())]
        if files[PAGE:]:
            return page, next_page([*folders, folder], files[PAGE - 1])
        folders += [f"{folder}{name}/" for name in sorted(below, reverse=True)]
        return page, next_page(folders, "") if folders else None

    def _children(self, folder: str, *, is_first: bool) -> tuple[list[str], list[str]]:
        try:
            return children(self._info(folder))
        except Answer as answer:
            if answer.status != 404:
                raise
            if is_first:
                self._check_repository(folder)
            return [], []

    def _stored(self, key: str) -> Stored | None:
        try:
            return self.head(key).stored
        except Answer as answer:
            if answer.kind is FailureKind.NO_OBJECT:
                return None  # deleted since its folder was read
            raise

    def _check_repository(self, missing: str) -> None:
        """Raise Answer if the repository itself does not exist: it must not count as empty."""
        try:
            if missing:
                self._info("")
                return
        except Answer as answer:
            if answer.status != 404:
                raise
        raise Answer(404, f"`{self._repository}`", kind=FailureKind.NO_REPOSITORY)

    # -- reading ----------------------------------------------------------------------------------------------------

    def head(self, key: str) -> Head:
        info = self._info(key)
        if not is_file(info):
            raise Answer(404, "a folder")
        stored = stored_file(key, info)
        return Head(stored, self._unanswered.get(stored.version, ""))

    def read(self, key: str, start: int, length: int, first: Part | None) -> Part:
        with self._client.content(self._path(key), f"bytes={start}-{start + length - 1}") as response:
            version, size = version_of(response.headers), response.headers.get("Content-Length", "")
            if response.status_code == 206 and version:
                size = response.headers["Content-Range"].rpartition("/")[2]
                return Part(list(response.iter_raw(PIECE)), int(size), version)
            if response.status_code == 200 and version and size:  # the server ignores ranges
                return Part(list(_slice(response.iter_raw(PIECE), start, length)), int(size), version)
        stored = self.head(key).stored  # raises Answer for a folder, which can answer with a page
        if response.status_code != 416:
            raise ValueError("the answer has no ETag or no length")
        return Part((), stored.size, stored.version)

    # -- writing ----------------------------------------------------------------------------------------------------

    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None:
        self.deploy(key, Checksums.of(body), writer, condition, body)

    def begin(self, key: str, writer: str, condition: Condition) -> ArtifactoryUpload:
        return ArtifactoryUpload(self, key, writer, condition)

    def deploy(
        self, key: str, sums: Checksums, writer: str, condition: Condition, content: bytes | Iterable[bytes]
    ) -> None:
        """Store an object and check that the server has it. Raises Answer, CONDITION if it may not be overwritten."""
        headers = {**sums.headers, "Content-Length": str(sums.size)}
        try:
            with self._client.open(
                "PUT", self._path(key), headers=headers, content=content, waiting=STORING
            ) as response:
                response.read()
        except httpx.TransportError:
            self._unanswered[sums.sha1] = writer
            raise
        except Answer as answer:
            if answer.status >= 500:
                self._unanswered[sums.sha1] = writer
            raise self._refused_write(key, answer, condition) from None
        if not sums.are_confirmed_by(response):
            self._confirm(key, sums)

    def deploy_known(self, key: str, sums: Checksums, condition: Condition) -> bool:
        """Store an object if the server has its content already. Return False if the bytes must be sent.

        Raises Answer as `deploy` does.
        """
        headers = {**sums.headers, "X-Checksum-Deploy": "true"}
        try:
            response = self._put(key, headers, None)
        except Answer as answer:
            if answer.kind in (FailureKind.REFUSED, FailureKind.NO_CREDENTIALS, FailureKind.PASSING):
                raise self._refused_write(key, answer, condition) from None
            return False
        return sums.are_confirmed_by(response)  # a proxy may have dropped the header, and the object is empty

    def _put(self, key: str, headers: Mapping[str, str], content: bytes | Iterable[bytes] | None) -> httpx.Response:
        path = self._path(key)
        with self._client.open("PUT", path, headers=headers, content=content, waiting=STORING) as response:
            response.read()
        return response

    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None:
        raise CannotCopy("Artifactory stores known bytes by their checksums when they are written again")

    def delete(self, key: str) -> None:
        """Delete a file. A folder is refused as missing: the server would delete all that is in it."""
        self.head(key)
        try:
            with self._client.open("DELETE", self._path(key)):
                return
        except Answer as answer:
            if answer.status != 404:
                raise
        self.head(key)
        raise Answer(403, "the server hides what this user may not delete", kind=FailureKind.REFUSED)

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def create(self) -> None:
        raise Answer(403, "an administrator creates repositories on the server", kind=FailureKind.REFUSED)

    def close(self) -> None:
        self._client.close()
        self._threads.close()

    def _refused_write(self, key: str, answer: Answer, condition: Condition) -> Answer:
        """Return what a failed write means. A user that may not overwrite gets 403, an unknown repository is 404."""
        if answer.status == 404:
            return Answer(404, answer.text, kind=FailureKind.NO_REPOSITORY)
        if answer.status == 403 and condition.absent:
            with suppress(Answer):
                self.head(key)
                return Answer(403, answer.text, kind=FailureKind.CONDITION)
        return answer

    def _confirm(self, key: str, sums: Checksums) -> None:
        """Raise Answer unless the server has the bytes: a page of a proxy's login also answers 200."""
        with self._client.open("HEAD", self._path(key)) as response:
            if sums.are_confirmed_by_headers(response.headers):
                return
        raise Answer(response.status_code, "the server does not have what it accepted", kind=FailureKind.PASSING)

    def _info(self, key: str) -> Mapping[str, Any]:
        with self._client.open("GET", self._storage(key)) as response:
            response.read()
        return read_json(response)

    def _path(self, key: str) -> str:
        return quote(f"{self._repository}/{key}")

    def _storage(self, key: str) -> str:
        return "api/storage/" + quote(f"{self._repository}/{key}".rstrip("/"))


def _slice(pieces: Iterator[bytes], start: int, length: int) -> Iterator[bytes]:
    """Yield `length` bytes from `start` on of what `pieces` holds."""
    position = 0
    for piece in pieces:
        begin, end = max(0, start - position), max(0, start + length - position)
        position += len(piece)
        yield piece[begin:end]
        if position >= start + length:
            return

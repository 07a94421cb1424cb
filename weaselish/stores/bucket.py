"""What a store in a bucket needs of a cloud, and the words for what can go wrong there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from weaselish.errors import StoreError
from weaselish.stores.base import Stored

if TYPE_CHECKING:
    from weaselish.model.project import Remote

CONNECTIONS = 10  # requests at once; more than the libraries' connection pools hold would be opened anew each time
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds
NO_CACHE: dict[str, Any] = {"file_cache_mode": "persistent", "local_cache_dir": os.devnull}  # cloudpathlib's; unused


class Trouble(Enum):
    """Why a request failed. Each cloud's module maps its library's errors to these."""

    NO_OBJECT = "no such object"
    NO_BUCKET = "no such bucket"
    NO_CREDENTIALS = "no usable credentials"
    EXPIRED = "the credentials have expired"
    REFUSED = "access refused"
    WRONG_CLOCK = "this machine's clock is wrong"
    WRONG_REGION = "the bucket lies in another region"
    UNTRUSTED = "its certificate is not trusted"
    MISCONFIGURED = "the remote is not set up right"
    UNREACHABLE = "cannot be reached"
    PASSING = "the connection or the server failed"
    CONDITION = "the object is there, or changed"
    CONFLICT = "another writer was faster"
    OTHER = "the request failed"


class Refused(StoreError):
    """A request that failed for good."""

    def __init__(self, trouble: Trouble, message: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an object's bytes, the size of all of it, and what identifies this version of it."""

    pieces: Sequence[bytes]
    size: int
    version: str


class Upload(Protocol):
    """An object on its way. `send` may be called from several threads, once per part, numbered from 0."""

    def send(self, number: int, body: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Bucket(Protocol):
    """One bucket, through its cloud's own library, whose errors come out as they are. Used by several threads.

    Each call is one request, or few; nothing is tried again inside. Keys are whole. `mark` is a word kept with
    the object, by which its writer knows it again.
    """

    errors: ClassVar[tuple[type[Exception], ...]]
    hints: ClassVar[Mapping[Trouble, str]]
    prefix: str  # of all keys, without slashes around it
    endpoint: str  # the server's URL, "" for the cloud's own
    certain: bool  # a server of this kind is known to honour create-only
    lanes: int  # parts of one upload that may be sent at once

    def __init__(self, remote: Remote) -> None: ...  # raises what is wrong with the remote, asks no server
    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]: ...  # and a detail, never a secret
    def credentials(self) -> str: ...  # where they were found, or what was tried
    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]: ...
    def read(self, key: str, start: int, length: int, version: str | None) -> Part: ...
    def mark(self, key: str) -> str | None: ...  # None: no such object
    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None: ...
    def begin(self, key: str, mark: str, *, replace: bool) -> Upload: ...
    def delete(self, key: str) -> None: ...


def refusal(remote: str, trouble: Trouble, detail: str, doing: str, hint: str | None, tried: str = "") -> Refused:
    said = trouble.value + (f" ({detail})" if detail else "")
    return Refused(trouble, f"{remote}: {said} while {doing}" + (f"; tried {tried}" if tried else ""), hint)

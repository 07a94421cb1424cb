"""The protocol between a store in a bucket and the library of its cloud."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from weaselish.stores.base import Stored
from weaselish.stores.failures import Failure, FailureKind

if TYPE_CHECKING:
    from weaselish.connections.credentials import Credentials
    from weaselish.model.project import Remote

CONNECTIONS = 10  # requests at a time: the libraries keep no more connections open
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds
NO_CACHE: dict[str, Any] = {"file_cache_mode": "persistent", "local_cache_dir": os.devnull}  # cloudpathlib's; unused
ANONYMOUS = "no credentials (`anonymous: true`)"  # as the source of credentials
WRITER = "writer"  # the metadata that identifies the upload which wrote an object


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an object's bytes, the size of the object, and the version that they belong to."""

    pieces: Sequence[bytes]
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Head:
    """An object without its bytes. `writer` is the id that its upload stored with it, "" if there is none."""

    stored: Stored
    writer: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold when an object is written. By default nothing: it is replaced."""

    absent: bool = False  # no object exists
    version: str | None = None  # the object has this version

    def __bool__(self) -> bool:
        return self.absent or self.version is not None

    def holds(self, head: Head | None) -> bool:
        if self.absent:
            return head is None
        return self.version is None or (head is not None and head.stored.version == self.version)


def as_header(tag: str) -> str:
    """Return an entity tag as headers have it. Some listings have it without the quotes."""
    return tag if not tag or '"' in tag else f'"{tag}"'


class Upload(Protocol):
    """An unfinished object. Several threads may call `send`, once per part; parts are numbered from 0."""

    def send(self, number: int, body: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Bucket(Protocol):
    """One bucket, accessed through its cloud's own library. Several threads may use it.

    Each call sends one request, or few, without retrying. It raises the library's errors unchanged. Keys are complete,
    with the bucket's prefix. `writer` is an id that is stored with the object, so that its writer can recognise it.
    """

    errors: ClassVar[tuple[type[Exception], ...]]
    hints: ClassVar[Mapping[FailureKind, str]]
    prefix: str  # of all keys, without slashes around it
    endpoint: str  # the server's URL, "" for the cloud's own
    honours_conditions: bool  # a server of this kind certainly checks conditions
    most_deletions: int  # objects that one request of `delete_many` deletes
    lanes: int  # how many parts of one upload can be sent at a time

    def __init__(self, remote: Remote, credentials: Credentials | None = None) -> None: ...  # sends no request
    @staticmethod
    def explain(error: Exception) -> Failure: ...
    def credentials(self) -> str: ...  # where they came from, or what was tried
    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]: ...
    def head(self, key: str) -> Head: ...
    def read(self, key: str, start: int, length: int, first: Part | None) -> Part: ...  # of the version of `first`
    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None: ...
    def begin(self, key: str, writer: str, condition: Condition) -> Upload: ...
    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None: ...
    def delete(self, key: str) -> None: ...
    def delete_many(self, keys: Sequence[str]) -> None: ...
    def create(self) -> None: ...  # the bucket itself
    def close(self) -> None: ...

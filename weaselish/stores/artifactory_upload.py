"""A large object on its way to Artifactory: in a temporary file, until all its bytes and checksums are known."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from weaselish.stores.artifactory_info import Checksums
from weaselish.stores.bucket import Condition

if TYPE_CHECKING:
    from weaselish.stores.artifactory import ArtifactoryBucket

PIECE = 2**20  # bytes


class UploadStopped(OSError):
    """The upload was aborted while its bytes were sent. The server drops a body that is cut off."""


class ArtifactoryUpload:
    """An upload that sends its bytes only if the server does not have them."""

    def __init__(self, bucket: ArtifactoryBucket, key: str, writer: str, condition: Condition) -> None:
        self._bucket, self._key, self._writer, self._condition = bucket, key, writer, condition
        self._file = tempfile.TemporaryFile(prefix="proj-")  # noqa: SIM115 - `finish` or `abort` closes it
        self._sha1, self._sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
        self._size = self._parts = 0
        self._is_stopped = False

    def send(self, number: int, body: bytes) -> None:
        """Keep a part. The parts come in their order, and one may come again after a failure."""
        if number != self._parts:
            return
        self._file.seek(self._size)
        self._file.write(body)
        self._sha1.update(body)
        self._sha256.update(body)
        self._size += len(body)
        self._parts += 1

    def finish(self) -> None:
        sums = Checksums(self._size, self._sha1.hexdigest(), self._sha256.hexdigest())
        if not self._bucket.deploy_known(self._key, sums, self._condition):
            self._bucket.deploy(self._key, sums, self._writer, self._condition, self._pieces())
        self._file.close()

    def abort(self) -> None:
        self._is_stopped = True
        self._file.close()

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := b"" if self._is_stopped else self._file.read(PIECE):
            yield piece
        if self._is_stopped:
            raise UploadStopped("the upload was stopped")

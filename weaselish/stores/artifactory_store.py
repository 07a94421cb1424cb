"""The store of an Artifactory repository: a bucket whose files one answer can list."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO, cast

from weaselish.cancel import Cancel
from weaselish.stores.artifactory import PIECE, ArtifactoryBucket
from weaselish.stores.artifactory_info import listed_files
from weaselish.stores.base import Stored
from weaselish.stores.cloud import PAUSES, CloudStore
from weaselish.stores.failures import Failure, FailureKind, request_failed
from weaselish.stores.keys import is_key


class ArtifactoryStore(CloudStore):
    """Objects in a repository.

    A listing is one answer, kept in a temporary file while it is read. The free edition and anonymous users get no
    such listing: there the store walks through the folders, with one request for each file.
    """

    def __init__(
        self,
        bucket: ArtifactoryBucket,
        *,
        remote: str,
        cancel: Cancel | None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        super().__init__(bucket, remote=remote, cancel=cancel, pauses=pauses)
        self._artifactory = bucket
        self._has_lists = True

    def _list(self, prefix: str, doing: str) -> Iterator[Stored]:
        answer = self._request(doing, partial(self._fetch_list, prefix)) if self._has_lists else None
        if answer is None:
            self._has_lists = False
            yield from super()._list(prefix, doing)
            return
        with answer:
            try:
                for stored in listed_files(prefix, iter(partial(answer.read, PIECE), b"")):
                    self._cancel.check()
                    if is_key(name := stored.key.removeprefix(self._base)):
                        yield Stored(name, stored.size, stored.modified, stored.version)
            except ValueError as error:
                failure = Failure(FailureKind.MISCONFIGURED, str(error))
                raise request_failed(self._remote, failure, doing, self._bucket.hints) from None

    def _fetch_list(self, prefix: str) -> BinaryIO | None:
        """Return the JSON of a deep listing as an open file, None if the server has none for this user."""
        with self._artifactory.deep_list(prefix) as chunks:
            if chunks is None:
                return None
            file = cast("BinaryIO", tempfile.TemporaryFile(prefix="proj-"))  # noqa: SIM115 - our caller closes it
            size = sum(map(file.write, chunks))
        if not size:
            file.write(b'{"files": []}')
        file.seek(0)
        return file

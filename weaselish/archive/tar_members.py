"""The members of a tar archive, by tarfile."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, cast

from weaselish.archive.gzip import BrokenArchive, Unzipped
from weaselish.archive.tar_headers import TEXT, Header


def members(stream: Unzipped) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar archive, to its very end. The content of a file must be read, or not, before the next."""
    try:
        file = cast(IO[bytes], stream)
        tar = tarfile.TarFile(fileobj=file, encoding=TEXT[0], errors=TEXT[1], tarinfo=Header)
        while member := tar.next():
            yield member
            tar.members = []  # type: ignore[attr-defined]  # it would keep them all
    except (tarfile.TarError, ValueError, RecursionError) as error:  # what it raises for headers that make no sense
        raise BrokenArchive(f"not a tar archive: {error}") from error
    if stream.last_header != bytes(tarfile.BLOCKSIZE):  # to tarfile, garbage and a premature end are an end too
        raise BrokenArchive("it ends in the middle, or is damaged")
    if any(rest.strip(b"\0") for rest in stream.rest()):
        raise BrokenArchive("something follows its end")

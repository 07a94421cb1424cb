"""One content of a snapshot in gzip: a small one as a member of a pack, a large one as a stream. Both are verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from isal import igzip_lib

from weaselish.archive.gzip import BrokenArchive, Unzipped

_LEVEL = 1  # where isal is fastest


def zipped_member(data: bytes) -> bytes:
    """Return the gzip member of a small content."""
    return igzip_lib.compress(data, _LEVEL, igzip_lib.COMP_GZIP)


def unzipped_member(member: bytes, name: str, size: int) -> bytes:
    """Return the content of a gzip member, of `size` bytes with the SHA-256 `name`. Raises BrokenArchive.

    However much it would unpack to, no more than `size` bytes do.
    """
    inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    try:
        data = inflate.decompress(member, size + 1)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stubs do not declare it as an exception
        raise BrokenArchive(f"content {name} is damaged: {error}") from None
    if len(data) != size or not inflate.eof or sha256(data).hexdigest() != name:
        raise BrokenArchive(f"content {name} is not what its name says")
    return data


def unzipped(chunks: Iterable[bytes], name: str, size: int) -> Iterator[bytes]:
    """Yield the content of a gzip stream, of `size` bytes with the SHA-256 `name`, in blocks.

    Raises BrokenArchive, at the latest after the last block: until then, nothing of it is verified.
    """
    stream = Unzipped(chunks, ratio=0, floor=size)
    digest = sha256()
    for block in stream.rest():
        digest.update(block)
        yield block
    if stream.tell() != size or digest.hexdigest() != name:
        raise BrokenArchive(f"content {name} is not what its name says")

"""The members of a tar archive, by tarfile; headers such as `archive.py` writes are read more quickly than it can."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from typing import IO, Self, cast

from weaselish.workspace.archive import TEXT
from weaselish.workspace.gzip_stream import BLOCK, BrokenArchive, Unzipped

_MODE, _CHECKSUM, _PREFIX = 100, slice(148, 156), slice(345, 500)  # where they are (POSIX ustar)
_OURS = re.compile(
    rb"([0-7]{7})\0(?:0{7}\0){2}([0-7]{11})\0(?:0{11}\0)([0-7]{6})\0 ([05])"  # mode, owners, size, time, checksum, type
    rb"\0{100}ustar\x0000\0{80}"  # no link, no names of owners, no device
)


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
    while rest := stream.take(BLOCK):
        if rest.count(0) != len(rest):
            raise BrokenArchive("something follows its end")


class Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        match = _OURS.match(buf, _MODE)
        if match is None or len(buf) != tarfile.BLOCKSIZE:
            return super().frombuf(buf, encoding, errors)
        mode, size, checksum, kind = match.groups()
        if int(checksum, 8) != sum(buf) - sum(buf[_CHECKSUM]) + 8 * ord(" "):
            return super().frombuf(buf, encoding, errors)
        prefix, name = _text(buf[_PREFIX]), _text(buf[:_MODE])
        if kind == tarfile.DIRTYPE:
            name = name.rstrip(b"/")
        header = cls((prefix + b"/" + name if prefix else name).decode(encoding, errors))
        header.mode, header.size, header.type = int(mode, 8), int(size, 8), kind
        return header


def _text(field: bytes | bytearray) -> bytes:
    return bytes(field.partition(b"\0")[0])

"""Tar members: headers written and read (POSIX ustar), and the members of an archive in order.

Plain headers take a short path of our own (see the ledger in docs/decisions); tarfile handles the rest.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from typing import IO, Self, cast

from weaselish.archive.gzip import BrokenArchive, Unzipped

TEXT = ("utf-8", "surrogateescape")  # names in an archive: bytes that are not UTF-8 pass unchanged

_NAME, _CHECKSUM, _REST, _PREFIX = slice(100), slice(148, 156), slice(157, 345), slice(345, 500)  # fields of a header
_BLANK_CHECKSUM = b" " * 8  # stands in the checksum's field while the checksum is computed
_NO_OWNER, _NO_TIME = b"0000000\0" * 2, b"00000000000\0"
_PLAIN_REST = bytes(100) + b"ustar\x0000" + bytes(80)  # no link, no names of owners, no device
_LARGEST = 0o77777777777  # bytes; a larger size needs more than 11 octal digits

_PLAIN = b"%b%07o\0" + _NO_OWNER + b"%011o\0" + _NO_TIME + b"%b%b" + _PLAIN_REST + bytes(167)
_READ = re.compile(  # mode, size, checksum, type
    rb"([0-7]{7})\x00" + _NO_OWNER + rb"([0-7]{11})\x00" + _NO_TIME + rb"([0-7]{6})\x00 ([05])"
)


def header(name: bytes, kind: bytes, mode: int, size: int = 0, target: bytes = b"") -> bytes:
    """Return the bytes that tarfile writes for this member in a PAX archive, without owner and time."""
    field = name + b"/" if kind == tarfile.DIRTYPE and not name.endswith(b"/") else name
    if target or size > _LARGEST or len(field) > tarfile.LENGTH_NAME or not name.isascii():
        info = tarfile.TarInfo(name.decode(*TEXT))
        info.type, info.mode, info.size, info.linkname = kind, mode, size, target.decode(*TEXT)
        return info.tobuf(tarfile.PAX_FORMAT, *TEXT)
    field = field.ljust(tarfile.LENGTH_NAME, b"\0")
    checksum = sum(_PLAIN % (field, mode, size, _BLANK_CHECKSUM, kind))
    return _PLAIN % (field, mode, size, b"%06o\0 " % checksum, kind)


class Header(tarfile.TarInfo):
    """A member as tarfile reads it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header. Raises tarfile.HeaderError."""
        match = _READ.match(buf, tarfile.LENGTH_NAME)
        if match is None or len(buf) != tarfile.BLOCKSIZE or buf[_REST] != _PLAIN_REST:
            return super().frombuf(buf, encoding, errors)
        mode, size, checksum, kind = match.groups()
        if int(checksum, 8) != sum(buf) - sum(buf[_CHECKSUM]) + sum(_BLANK_CHECKSUM):
            return super().frombuf(buf, encoding, errors)
        prefix, name = _text(buf[_PREFIX]), _text(buf[_NAME])
        if kind == tarfile.DIRTYPE:
            name = name.rstrip(b"/")
        member = cls((prefix + b"/" + name if prefix else name).decode(encoding, errors))
        member.mode, member.size, member.type = int(mode, 8), int(size, 8), kind
        return member


def _text(field: bytes | bytearray) -> bytes:
    return bytes(field.partition(b"\0")[0])


def members(stream: Unzipped) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a tar archive. Raises BrokenArchive unless the archive is intact to its very end.

    The caller may read a member's content before it asks for the next member.
    """
    try:
        file = cast(IO[bytes], stream)
        tar = tarfile.TarFile(fileobj=file, encoding=TEXT[0], errors=TEXT[1], tarinfo=Header)
        while member := tar.next():
            yield member
            tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all in memory
    except (tarfile.TarError, ValueError, RecursionError) as error:  # tarfile raises these for senseless headers
        raise BrokenArchive(f"not a tar archive: {error}") from error
    if stream.last_header != bytes(tarfile.BLOCKSIZE):  # tarfile accepts garbage and a premature end as the end
        raise BrokenArchive("it ends in the middle, or is damaged")
    if any(rest.strip(b"\0") for rest in stream.rest()):
        raise BrokenArchive("something follows its end")

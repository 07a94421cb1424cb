"""Headers of tar members (POSIX ustar), written and read: plain ones more quickly than tarfile can, the rest by it."""

from __future__ import annotations

import re
import tarfile
from typing import Self

TEXT = ("utf-8", "surrogateescape")  # names in an archive: bytes that are not UTF-8 pass unchanged

_NAME, _CHECKSUM, _REST, _PREFIX = slice(100), slice(148, 156), slice(157, 345), slice(345, 500)  # where they are
_BLANK = b" " * 8  # what the checksum counts as
_NO_OWNER, _NO_TIME = b"0000000\0" * 2, b"00000000000\0"
_PLAIN_REST = bytes(100) + b"ustar\x0000" + bytes(80)  # no link, no names of owners, no device
_MOST = 0o77777777777  # bytes; what is larger needs more than 11 octal digits

_PLAIN = b"%b%07o\0" + _NO_OWNER + b"%011o\0" + _NO_TIME + b"%b%b" + _PLAIN_REST + bytes(167)
_READ = re.compile(  # mode, size, checksum, type
    rb"([0-7]{7})\x00" + _NO_OWNER + rb"([0-7]{11})\x00" + _NO_TIME + rb"([0-7]{6})\x00 ([05])"
)


def header(name: bytes, kind: bytes, mode: int, size: int = 0, target: bytes = b"") -> bytes:
    """As tarfile makes it for a PAX archive, without an owner and a time."""
    field = name + b"/" if kind == tarfile.DIRTYPE and not name.endswith(b"/") else name
    if target or size > _MOST or len(field) > tarfile.LENGTH_NAME or not name.isascii():
        info = tarfile.TarInfo(name.decode(*TEXT))
        info.type, info.mode, info.size, info.linkname = kind, mode, size, target.decode(*TEXT)
        return info.tobuf(tarfile.PAX_FORMAT, *TEXT)
    field = field.ljust(tarfile.LENGTH_NAME, b"\0")
    check = sum(_PLAIN % (field, mode, size, _BLANK, kind))
    return _PLAIN % (field, mode, size, b"%06o\0 " % check, kind)


class Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        match = _READ.match(buf, tarfile.LENGTH_NAME)
        if match is None or len(buf) != tarfile.BLOCKSIZE or buf[_REST] != _PLAIN_REST:
            return super().frombuf(buf, encoding, errors)
        mode, size, checksum, kind = match.groups()
        if int(checksum, 8) != sum(buf) - sum(buf[_CHECKSUM]) + sum(_BLANK):
            return super().frombuf(buf, encoding, errors)
        prefix, name = _text(buf[_PREFIX]), _text(buf[_NAME])
        if kind == tarfile.DIRTYPE:
            name = name.rstrip(b"/")
        found = cls((prefix + b"/" + name if prefix else name).decode(encoding, errors))
        found.mode, found.size, found.type = int(mode, 8), int(size, 8), kind
        return found


def _text(field: bytes | bytearray) -> bytes:
    return bytes(field.partition(b"\0")[0])

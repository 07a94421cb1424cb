"""Headers of tar members: such as `archive.py` writes are read quickly, all others as tarfile does."""

from __future__ import annotations

import re
import tarfile
from typing import Self

_MODE, _CHECKSUM, _PREFIX = 100, slice(148, 156), slice(345, 500)  # where they are (POSIX ustar)
_OURS = re.compile(
    rb"([0-7]{7})\0(?:0{7}\0){2}([0-7]{11})\0(?:0{11}\0)([0-7]{6})\0 ([05])"  # mode, owners, size, time, checksum, type
    rb"\0{100}ustar\x0000\0{80}"  # no link, no names of owners, no device
)


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

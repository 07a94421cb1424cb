"""Headers are written and read as tarfile does. For archives see test_pack.py and test_unpack.py."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.archive.tar import TEXT, Header, header

KINDS = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.AREGTYPE, tarfile.CHRTYPE)
NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60), max_size=5).map("/".join)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Draw a header, mostly one as `pack.py` writes it, without owner, time and link."""
    info = tarfile.TarInfo(draw(NAMES))
    info.type = draw(st.sampled_from(KINDS))
    info.mode = draw(st.integers(0, 0o7777))
    info.size = draw(st.integers(0, 8**11 - 1) | st.just(8**11))
    if draw(st.booleans()):
        info.uid, info.mtime = draw(st.sampled_from([(0, 0), (1000, 0), (0, 1), (1 << 30, -1)]))
        info.uname, info.linkname = draw(st.sampled_from([("", ""), ("me", ""), ("", "target")]))
    is_pax = draw(st.booleans())
    return info.tobuf(tarfile.PAX_FORMAT if is_pax else tarfile.GNU_FORMAT, *TEXT)[-tarfile.BLOCKSIZE :]


def read(kind: type[tarfile.TarInfo], block: bytes) -> tuple[object, ...] | str:
    try:
        info = kind.frombuf(block, *TEXT)
    except tarfile.TarError as error:
        return f"{type(error).__name__}: {error}"
    assert isinstance(info, kind)
    return info.name, info.mode, info.size, info.type, info.linkname


@given(
    NAMES | st.integers(98, 102).map("x".__mul__),
    st.sampled_from((tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)),
    st.integers(0, 0o777),
    st.integers(0, 8**11),
)
def test_a_header_is_written_as_tarfile_writes_it(name: str, kind: bytes, mode: int, size: int) -> None:
    target = "target" if kind == tarfile.SYMTYPE else ""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, target
    assert header(name.encode(), kind, mode, size, target.encode()) == info.tobuf(tarfile.PAX_FORMAT, *TEXT)


@given(headers())
def test_a_header_is_read_as_tarfile_reads_it(block: bytes) -> None:
    assert read(Header, block) == read(tarfile.TarInfo, block)


def test_plain_headers_take_the_short_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tobuf", "frombuf"):
        monkeypatch.delattr(tarfile.TarInfo, name)
    block = header(b"out/x", tarfile.REGTYPE, 0o644, 3)
    assert read(Header, block) == ("out/x", 0o644, 3, tarfile.REGTYPE, "")


@given(headers(), st.integers(0, tarfile.BLOCKSIZE - 1), st.integers(0, 255))
def test_a_damaged_header_is_read_as_tarfile_reads_it(block: bytes, at: int, byte: int) -> None:
    damaged = block[:at] + bytes([byte]) + block[at + 1 :]
    assert read(Header, damaged) == read(tarfile.TarInfo, damaged)


@given(headers(), st.integers(0, tarfile.BLOCKSIZE - 1), st.binary(max_size=12))
def test_a_forged_header_is_read_as_tarfile_reads_it(block: bytes, at: int, other: bytes) -> None:
    """With the right checksum."""
    forged = bytearray(block)
    forged[at : at + len(other)] = other
    forged = forged[: tarfile.BLOCKSIZE]
    forged[148:156] = b" " * 8
    forged[148:156] = b"%06o\0 " % sum(forged)
    assert read(Header, bytes(forged)) == read(tarfile.TarInfo, bytes(forged))


@given(st.binary(max_size=600) | st.just(bytes(tarfile.BLOCKSIZE)))
def test_other_bytes_are_read_as_tarfile_reads_them(data: bytes) -> None:
    assert read(Header, data) == read(tarfile.TarInfo, data)

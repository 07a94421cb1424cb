"""Gzip as a stream: blocks in, chunks out, and back. Constant memory, forwards only."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain

from isal import igzip_lib, isal_zlib

from weaselish.errors import StoreError

BLOCK = 1 << 20  # bytes read, compressed and digested at a time
_INFLATED = 1 << 19  # bytes decompressed at a time: for larger pieces memory comes afresh from the system, page by page
_LEVEL = 1  # where isal is fastest
_HEADER = b"\x1f\x8b\x08" + bytes(5) + b"\x04\xff"  # deflate, no flags, no time, fastest, unknown system
_END = b"\x01\x00\x00\xff\xff"  # a last block, stored and empty
_MOST_STORED = 0xFFFF  # bytes in a stored block
_SAMPLES, _SAMPLE = 4, 4096  # bytes
_WORTH = 0.95  # of the size, at most, for what is compressed
_MOST_HEADER = 1 << 14  # tarfile reads a long name or PAX header in one piece; older ones then search it slowly


class BrokenArchive(StoreError):
    """An archive that is not whole, or not one that `proj` or Weasel can have written."""


def zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The gzipped form of `pieces` (RFC 1952): no time, no name, so that equal bytes in give equal bytes out.

    What does not shrink, such as images or what is compressed already, is stored: that is as fast as copying it.
    """
    check = size = 0
    before = _HEADER
    deflate = isal_zlib.compressobj(_LEVEL, wbits=-15)
    for block in _gathered(pieces):
        check = isal_zlib.crc32(block, check)
        size += len(block)
        if _shrinks(block):
            yield before + deflate.compress(block) + deflate.flush(isal_zlib.Z_FULL_FLUSH)  # ends between two bytes
        else:
            yield _stored(before, block)
        before = b""
    yield before + _END + struct.pack("<LL", check, size & 0xFFFFFFFF)


def _shrinks(block: bytes) -> bool:
    """Judged by a few samples."""
    if len(block) <= _SAMPLES * _SAMPLE:
        return True
    step = len(block) // _SAMPLES
    sample = b"".join([block[start : start + _SAMPLE] for start in range(0, _SAMPLES * step, step)])
    return len(isal_zlib.compress(sample, _LEVEL)) < _WORTH * len(sample)


def _stored(before: bytes, block: bytes) -> bytes:
    """`before`, then the block in stored deflate blocks (RFC 1951, 3.2.4): each after a byte and its length twice."""
    view = memoryview(block)
    parts: list[bytes | memoryview] = [before]
    for start in range(0, len(block), _MOST_STORED):
        part = view[start : start + _MOST_STORED]
        parts += (struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF), part)
    return b"".join(parts)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


class Unzipped:
    """What `chunks` decompress to: as much of a file as tarfile needs, and no more.

    Raises BrokenArchive where the stream is truncated, damaged or followed by something else, where more comes out of
    it than `floor` bytes and `ratio` times what went in, and where it would have to go backwards.
    """

    def __init__(self, chunks: Iterable[bytes], *, ratio: int, floor: int) -> None:
        self._blocks = filter(None, _decompressed(self._counted(chunks)))
        self._ratio = ratio
        self._floor = floor
        self._packed = self._unpacked = self._position = 0
        self._block = b""  # the last one that was decompressed
        self._start = 0  # of what is left of it
        self.last_header = b""

    def read(self, size: int) -> bytes:
        """For tarfile, which reads headers with it: never much at once, whatever a header claims."""
        if not 0 <= size <= _MOST_HEADER:
            raise BrokenArchive(f"a header of {size} bytes")
        self.last_header = self._some(size)
        while len(self.last_header) < size and (more := self._some(size - len(self.last_header))):
            self.last_header += more
        return self.last_header

    def blocks(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes in blocks. Raises BrokenArchive if there are fewer."""
        if size < 0:
            raise BrokenArchive("a member that overlaps the one before it")
        while size:
            block = self._some(size)
            if not block:
                raise BrokenArchive("ends in the middle of a member")
            size -= len(block)
            yield block

    def rest(self) -> Iterator[bytes]:
        """All that is left, in blocks."""
        while block := self._some(BLOCK):
            yield block

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        for _ in self.blocks(position - self._position):
            pass
        return self._position

    def count(self, size: int) -> None:
        """So much came out of the stream; also what was copied because it says so."""
        self._unpacked += size
        if self._unpacked > max(self._floor, self._ratio * self._packed):
            raise BrokenArchive(f"unpacks to more than {self._ratio} times its size")

    def _some(self, size: int) -> bytes:
        """The next bytes, `size` or fewer; none only at the end."""
        if self._start == len(self._block):
            try:
                self._block, self._start = next(self._blocks, b""), 0
            except igzip_lib.IsalError as error:  # type: ignore[misc]  # which its stubs take for no exception
                raise BrokenArchive(f"not a whole gzip file: {error}") from error
        some = self._block[self._start : self._start + size]
        self._start += len(some)
        self._position += len(some)
        self.count(len(some))
        return some

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._packed += len(chunk)
            yield chunk


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What a gzip file holds, in blocks; zeros may follow it, and another one. Some blocks are empty."""
    packed = next(filter(None, chunks), b"")
    while packed:
        inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        yield inflate.decompress(packed, _INFLATED)
        while not inflate.eof:
            more = next(chunks, None) if inflate.needs_input else b""
            if more is None:
                raise BrokenArchive("not a whole gzip file: it ends too early")
            yield inflate.decompress(more, _INFLATED)
        packed = next((rest for one in chain([inflate.unused_data], chunks) if (rest := one.lstrip(b"\0"))), b"")

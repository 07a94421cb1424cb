"""Compresses and decompresses gzip as a stream, in constant memory, forwards only."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain

from isal import igzip_lib, isal_zlib

from weaselish.errors import StoreError

BLOCK = 1 << 20  # bytes read, compressed and digested at a time
_LEVEL = 1  # where isal is fastest
_HEADER = b"\x1f\x8b\x08" + bytes(5) + b"\x04\xff"  # deflate, no flags, no time, fastest, unknown system
_END = b"\x01\x00\x00\xff\xff"  # an empty stored block that is marked as the last one
_LARGEST_STORED = 0xFFFF  # bytes in a stored block
_SAMPLES, _SAMPLE = 4, 4096  # samples of a block, and bytes of each
_WORTH = 0.95  # a block is compressed only if this shrinks it below this share of its size
_LARGEST_HEADER = 1 << 14  # bytes: tarfile reads a long name or PAX header at once, and older versions search it slowly


class BrokenArchive(StoreError):
    """An archive on the remote is damaged, or neither `proj` nor Weasel wrote it. Nothing was replaced.

    Cure: `proj push --repair` replaces it, from a machine that has the output.
    """


def zipped(pieces: Iterable[bytes], *, compress: bool = True) -> Iterator[bytes]:
    """Yield the gzipped form of `pieces` (RFC 1952), without time and name: equal bytes give equal archives.

    Blocks that do not shrink, such as images or compressed data, are stored, which is as fast as copying them. So are
    all blocks without `compress`.
    """
    check = size = 0
    prefix = _HEADER
    deflate = isal_zlib.compressobj(_LEVEL, wbits=-15)
    for block in _gathered(pieces):
        check = isal_zlib.crc32(block, check)
        size += len(block)
        if compress and _shrinks(block):
            yield prefix + deflate.compress(block) + deflate.flush(isal_zlib.Z_FULL_FLUSH)  # ends at a whole byte
        else:
            yield _stored(prefix, block)
        prefix = b""
    yield prefix + _END + struct.pack("<LL", check, size & 0xFFFFFFFF)


def _shrinks(block: bytes) -> bool:
    """Judge by a few samples whether compressing a block is worth it."""
    if len(block) <= _SAMPLES * _SAMPLE:
        return True
    step = len(block) // _SAMPLES
    sample = b"".join([block[start : start + _SAMPLE] for start in range(0, _SAMPLES * step, step)])
    return len(isal_zlib.compress(sample, _LEVEL)) < _WORTH * len(sample)


def _stored(prefix: bytes, block: bytes) -> bytes:
    """Return `prefix` and the block as stored deflate blocks (RFC 1951, 3.2.4): a byte, the length twice, the bytes."""
    view = memoryview(block)
    parts: list[bytes | memoryview] = [prefix]
    for start in range(0, len(block), _LARGEST_STORED):
        part = view[start : start + _LARGEST_STORED]
        parts += (struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF), part)
    return b"".join(parts)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join pieces to blocks of at least BLOCK bytes."""
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
    """The decompressed bytes of `chunks`, with the few methods of a file that tarfile needs.

    Reading raises BrokenArchive if the stream is truncated, damaged or followed by something else. It also does if more
    than `floor` bytes and more than `ratio` times the compressed bytes come out, and for seeking backwards.
    """

    def __init__(self, chunks: Iterable[bytes], *, ratio: int, floor: int) -> None:
        self._blocks = filter(None, _decompressed(self._counted(chunks)))
        self._ratio = ratio
        self._floor = floor
        self._packed = self._unpacked = self._position = 0
        self._block = b""  # the block that was decompressed last
        self._start = 0  # of the unread rest of the block
        self.last_header = b""

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end. tarfile reads headers with this; an absurd size is refused."""
        if not 0 <= size <= _LARGEST_HEADER:
            raise BrokenArchive(f"a header of {size} bytes")
        self.last_header = self._some(size)
        while len(self.last_header) < size and (more := self._some(size - len(self.last_header))):
            self.last_header += more
        return self.last_header

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in blocks. Raises BrokenArchive if there are fewer."""
        if size < 0:
            raise BrokenArchive("a member that overlaps the one before it")
        while size:
            block = self._some(size)
            if not block:
                raise BrokenArchive("ends in the middle of a member")
            size -= len(block)
            yield block

    def rest(self) -> Iterator[bytes]:
        """Yield everything that is left, in blocks."""
        while block := self._some(BLOCK):
            yield block

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        for _ in self.blocks(position - self._position):
            pass
        return self._position

    def count(self, size: int) -> None:
        """Count bytes against the limits: bytes that were read, and those that the caller copied for a hard link."""
        self._unpacked += size
        if self._unpacked > max(self._floor, self._ratio * self._packed):
            raise BrokenArchive(f"unpacks to more than {self._ratio} times its size")

    def _some(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none only at the end."""
        if self._start == len(self._block):
            try:
                self._block, self._start = next(self._blocks, b""), 0
            except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stubs do not declare it as an exception
                raise BrokenArchive(f"not an intact gzip file: {error}") from error
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
    """Yield the content of a gzip file in blocks, some of them empty. Zeros and further gzip files may follow it."""
    packed = next(filter(None, chunks), b"")
    while packed:
        inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        yield inflate.decompress(packed, BLOCK)
        while not inflate.eof:
            more = next(chunks, None) if inflate.needs_input else b""
            if more is None:
                raise BrokenArchive("not an intact gzip file: it ends too early")
            yield inflate.decompress(more, BLOCK)
        packed = next((rest for one in chain([inflate.unused_data], chunks) if (rest := one.lstrip(b"\0"))), b"")

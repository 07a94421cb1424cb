"""What the tests of this folder share: digests computed by hand, and files to write."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weaselish.files.clock import DiskClock
from weaselish.files.digests import Digests
from weaselish.files.file_stat import FileStat
from weaselish.files.walk import View

VIEWS: tuple[View, ...] = ("dep", "output")
SETTLE_TIME = 30_000_000  # ns, instead of 2 s, for which a test cannot wait


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def tree(*lines: bytes) -> str:
    """Return the digest of a directory with these lines in its manifest, already in order."""
    return md5(b"".join(line + b"\0" for line in lines)) + ".dir"


def file(path: str | bytes, content: bytes) -> bytes:
    return b"f %b %b" % (md5(content).encode(), os.fsencode(path))


def link(path: str, target: str) -> bytes:
    return b"l %b %b" % (md5(target.encode()).encode(), path.encode())


def digest(root: Path, path: str, view: View = "dep") -> str | None:
    return Digests(root).digest(path, view)


def write(path: Path, content: bytes | str = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class FastClock(DiskClock):
    """The real clock, of which the tests need not wait long."""

    settle_time = SETTLE_TIME


class CoarseClock(FastClock):
    """A clock that ticks rarely, so that much may happen within one tick."""

    def __init__(self, directory: Path | None, tick: int) -> None:
        super().__init__(directory)
        self.tick = tick  # ns

    def now(self) -> int:
        return super().now() // self.tick * self.tick


@contextmanager
def coarse_stats(tick: int) -> Iterator[int]:
    """Make stat show times as a file system does whose clock ticks every `tick` ns."""

    def of(status: os.stat_result) -> FileStat:
        mtime, ctime = status.st_mtime_ns // tick * tick, status.st_ctime_ns // tick * tick
        return FileStat(status.st_size, mtime, ctime, status.st_ino)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileStat, "of", of)
        yield tick


def settle(cache: Path) -> None:
    """Wait until the file system's clock has passed everything written so far by the settle time."""
    clock = FastClock(cache)
    begun, deadline = clock.now(), time.monotonic() + 10
    while clock.now() <= begun + 2 * SETTLE_TIME:
        assert time.monotonic() < deadline, "the file system's clock stands still"
        time.sleep(0.002)

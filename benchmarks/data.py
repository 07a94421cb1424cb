"""The files that are worked on: random bytes, made once for each scratch directory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Wrong

_BLOCK = 1 << 20
_BORN = (1_600_000_000, 1_600_000_000)  # access and modification time, seconds since 1970
_IN_ONE_DIRECTORY = 1000  # more files than that are spread over directories of 100


@dataclass(frozen=True, slots=True)
class Files:
    """`count` files of `size` bytes each, incompressible, in a directory `name`."""

    name: str
    count: int
    size: int

    @property
    def bytes(self) -> int:
        return self.count * self.size

    @property
    def paths(self) -> Iterator[str]:
        """Relative to the directory."""
        for number in range(self.count):
            within = f"{number // 100:04}/" if self.count > _IN_ONE_DIRECTORY else ""
            yield f"{within}{number:06}.bin"

    def made(self, scratch: Path) -> Path:
        """The directory with the files, which are written if they are not there."""
        place = scratch / "data" / self.name
        if not place.exists():
            partial = place.with_name(f"{self.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            for path in self.paths:
                self._write(partial / path)
                os.utime(partial / path, _BORN)
            os.sync()
            partial.rename(place)
        return place

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, self.size, _BLOCK):
                file.write(os.urandom(min(_BLOCK, self.size - start)))

    def link(self, scratch: Path, to: Path) -> None:
        """The same files under another name: one copy in memory and on disk serves all tools."""
        source = self.made(scratch)
        for path in self.paths:
            target = to / path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source / path, target)

    @contextmanager
    def touched(self, scratch: Path) -> Iterator[None]:
        """Each file has a new modification time, under all its names, and its old one again in the end."""
        source = self.made(scratch)
        for path in self.paths:
            os.utime(source / path)
        try:
            yield
        finally:
            for path in self.paths:
                os.utime(source / path, _BORN)

    def check_copy(self, scratch: Path, copy: Path) -> None:
        """Raises Wrong unless `copy` holds these files, byte for byte, and no others."""
        source = self.made(scratch)
        found = sum(len(files) for _, _, files in os.walk(copy))
        if found != self.count:
            raise Wrong(f"there are {found} files, not {self.count}")
        for path in self.paths:
            if not _same(source / path, copy / path):
                raise Wrong(f"{path} has other bytes")


def _same(one: Path, other: Path) -> bool:
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        while block := first.read(_BLOCK):
            if block != second.read(len(block)):
                return False
        return not second.read(1)


MIB = 1 << 20
GIB = 1 << 30
LARGE = Files("1-large", 1, GIB)
HUGE = Files("1-huge", 1, 2 * GIB)
PARTS = Files("200-parts", 200, MIB)
SMALL = Files("10000-small", 10_000, 4096)
TINY = Files("100000-tiny", 100_000, 1024)

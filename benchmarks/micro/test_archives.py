"""Archives of one output, packed and unpacked: a file of 64 MiB, a directory of 10,000 files."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.data import MIB, SMALL, Files
from weaselish.archive.pack import Packing
from weaselish.archive.unpack import unpack
from weaselish.files.content import Digested

FILE = Files("file", 1, 64 * MIB)
OUTPUT = "data/output"


@pytest.fixture(scope="module", params=[FILE, SMALL], ids=["file", "small"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the files as its output."""
    root = tmp_path_factory.mktemp("project")
    request.param.all_outputs(root).rename(root / OUTPUT)
    return root


def test_packing(benchmark: BenchmarkFixture, root: Path) -> None:
    def size() -> int:
        return sum(len(chunk) for chunk in Packing(root, OUTPUT, algorithm="md5"))

    assert benchmark(size) > 30 * MIB


def test_unpacking(benchmark: BenchmarkFixture, root: Path, tmp_path: Path) -> None:
    packing = Packing(root, OUTPUT, algorithm="md5")
    chunks = list(packing)
    numbers = itertools.count()

    def unpacked() -> Digested:
        into = tmp_path / str(next(numbers))
        into.mkdir()
        return unpack(chunks, OUTPUT, into, algorithm="md5").digested()

    assert benchmark.pedantic(unpacked, rounds=5) == packing.packed

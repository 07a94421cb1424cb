"""The digest of a directory of 10,000 files: read, and known from the stat cache."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.data import SMALL
from benchmarks.workloads.base import SETTLING
from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.model.project import Algorithm

ALGORITHMS: tuple[Algorithm, ...] = ("md5", "blake3")
DATA = "data/small"


def digested(root: Path, algorithm: Algorithm, cache: Path | None = None) -> Digested | None:
    """As a new process would know it."""
    return Digests(root, algorithm, cache=cache).of(DATA, "dep")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_tree_that_is_read(benchmark: BenchmarkFixture, small_files: Path, algorithm: Algorithm) -> None:
    found = benchmark(digested, small_files, algorithm)
    assert found is not None
    assert found.files == SMALL.count


def test_a_tree_that_is_known(benchmark: BenchmarkFixture, small_files: Path, tmp_path: Path) -> None:
    time.sleep(SETTLING)
    digests = Digests(small_files, "md5", cache=tmp_path)
    expected = digests.of(DATA, "dep")
    digests.save()
    assert benchmark(digested, small_files, "md5", tmp_path) == expected

"""A project directory, and one with a cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .samples import coarse_stats as coarse


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "d").mkdir(parents=True)
    return root


@pytest.fixture
def cache(root: Path) -> Path:
    cache = root / ".proj/cache"
    cache.mkdir(parents=True)
    return cache


@pytest.fixture
def coarse_stats() -> Iterator[int]:
    """A file system whose clock ticks every 1,000 s; the tick in ns."""
    with coarse(10**12) as tick:
        yield tick

"""The engines as fixtures: each starts when the first test of a session needs it, and stops at the session's end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import pytest

from engines import Engine, Missing
from engines.dask import Dask
from engines.dask import dask as running_dask
from engines.dockerd import dockerd
from engines.podman import podman as prepared_podman
from engines.slurm import Slurm
from engines.slurm import slurm as running_slurm

_T = TypeVar("_T")


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    yield from started(dockerd)


@pytest.fixture(scope="session")
def podman() -> Iterator[Engine]:
    yield from started(prepared_podman)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    yield from started(running_slurm)


@pytest.fixture(scope="session")
def dask() -> Iterator[Dask]:
    yield from started(running_dask)


def started(engine: Callable[[], AbstractContextManager[_T]]) -> Iterator[_T]:
    """Yield a running engine. On a machine that cannot run it, skip its tests, or fail them in CI."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(engine())
        except Missing as reason:
            if os.environ.get("CI"):
                pytest.fail(str(reason))
            pytest.skip(str(reason))
        yield running

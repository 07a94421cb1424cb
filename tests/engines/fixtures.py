"""The engines as fixtures, each started once per test session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engines.slurm import Missing, Slurm
from engines.slurm import slurm as running_slurm


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    try:
        with running_slurm() as cluster:
            yield cluster
    except Missing as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))

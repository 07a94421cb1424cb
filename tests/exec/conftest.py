"""What all tests of jobs that travel through a remote share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir


@pytest.fixture
def project(tmp_path: Path) -> ProjectDir:
    """An empty project directory, to be filled and to run `proj` in."""
    return ProjectDir(tmp_path / "project", tmp_path / "scratch")

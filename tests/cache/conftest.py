from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir

from .samples import write_chain


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The user's cache directory, which does not exist yet."""
    return tmp_path / "user" / "cache"


@pytest.fixture
def chain(project: ProjectDir, cache: Path) -> ProjectDir:
    """A project of three steps with `cache: local`."""
    project.environ["PROJ_CACHE_DIR"] = str(cache)
    write_chain(project)
    return project

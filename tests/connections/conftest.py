"""Servers, and projects whose user has a configuration directory of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import ProjectDir
from stores.conftest import moto, no_credentials_of_this_machine, seaweedfs  # noqa: F401 - fixtures


@pytest.fixture
def config(project: ProjectDir, tmp_path: Path) -> Path:
    """The user's configuration directory, which does not exist yet, for all projects of this test."""
    directory = tmp_path / "config"
    project.environ["PROJ_CONFIG_DIR"] = str(directory)
    project.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    project.project("commands: [{name: make, script: [sh make.sh], deps: [make.sh], outputs: [out]}]\n")
    project.write("make.sh", "echo made > out\n")
    return directory


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


def files(directory: Path) -> dict[str, bytes]:
    """Return the user's files, without the lock."""
    return {path.name: path.read_bytes() for path in directory.glob("*") if path.name != ".lock"}

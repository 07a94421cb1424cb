from __future__ import annotations

import pytest
from harness import ProjectDir

PROJECT = """\
title: Penguins
version: "1.5.0"
remotes: {default: ../remote}
artifacts:
  model: {path: out/model.pkl, description: A classifier}
  corpus: {path: out/corpus}
commands:
  - name: train
    shell: true
    script: [mkdir -p out/corpus, cat seed.txt > out/model.pkl, cat seed.txt seed.txt > out/corpus/a.txt]
    deps: [seed.txt]
    outputs: [out/model.pkl, out/corpus]
"""


@pytest.fixture
def trained(project: ProjectDir) -> ProjectDir:
    """A project that ran; it publishes a file and a directory."""
    project.project(PROJECT)
    train(project, "one")
    return project


def train(project: ProjectDir, seed: str) -> None:
    """Let the command produce other content."""
    project.write("seed.txt", f"{seed}\n")
    assert project.proj("run", "train").code == 0


def set_version(project: ProjectDir, version: str) -> None:
    """Write another version into project.yml."""
    lines = project.read("project.yml").splitlines()
    project.project(
        "\n".join(f'version: "{version}"' if line.startswith("version:") else line for line in lines) + "\n"
    )


def publish(project: ProjectDir, *versions: str, name: str = "model") -> None:
    """Push an artifact in several versions, each with other content."""
    for version in versions:
        train(project, f"{name} {version}")
        assert project.proj("artifact", "push", name, "--version", version).code == 0

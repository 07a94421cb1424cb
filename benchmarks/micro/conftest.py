"""Projects and files for the micro-benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.data import SMALL
from benchmarks.tools.base import Command as Described
from benchmarks.workloads.commands import chain, fan
from weaselish.model.project import Command, ProjectModel

COMMANDS = 1000
SHAPES: dict[str, Callable[[int], Sequence[Described]]] = {"chain": chain, "fan": fan}


def no_env(name: str) -> None:
    """No variable is set."""


def digests_of(dep: str) -> list[tuple[str, str | None]]:
    """Each dep is there, and the same."""
    return [(dep, "0" * 32)]


@pytest.fixture(params=SHAPES)
def project(request: pytest.FixtureRequest) -> ProjectModel:
    """A thousand commands, in each shape."""
    described = SHAPES[request.param](COMMANDS)
    commands = {each.name: Command(each.name, "", (each.line,), each.deps, each.outputs) for each in described}
    return ProjectModel(commands=commands, workflows={"all": tuple(commands)})


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that holds 10,000 small files in `data`, none of which was just written."""
    root = tmp_path_factory.mktemp("small")
    SMALL.made(root).rename(root / "data" / "small")
    for directory, _, names in os.walk(root):
        for name in names:
            os.utime(os.path.join(directory, name), (1, 1))
    return root
